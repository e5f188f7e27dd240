"""What is measured of the policy: levels by tier, and what became of requests and promises."""

from dataclasses import replace
from typing import Any

import pytest

from autoscaling.load import Load, TierLoad
from serve.jobs.job import Status
from serve.messages import Answered
from serve.telemetry.catalogue import gate, jobs
from serve.telemetry.metrics import Metrics
from tests.unit.serve.telemetry.scraping import DONE, PROMPT, value


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(("new", "free", "pro"), ["tiny"])


def answered(**fields: str) -> Answered:
    facts: dict[str, Any] = {"outcome": "shed", "reason": "tier_shed", "tier": "new", **fields}
    return Answered(model="tiny", requests=2, gpu_s=8.0, **facts)


def test_levels_are_shown_by_tier(metrics: Metrics) -> None:
    load = Load(gpus=2.0, tiers=(TierLoad(backlog_gpu_s=5.0, promised_gpu_s=7.0),) * 3)
    metrics.policy.looked(load, (1.5, 0.5, 0.0), (1.0, 0.25, 0.0), {"new": 3})
    metrics.policy.deferred(["new", "new", "gold"])
    assert value(metrics, gate.SATURATION.name, tier="new") == 1.5
    assert value(metrics, gate.TURNED_ASIDE.name, tier="free") == 0.25
    assert value(metrics, gate.FLIPS.name, tier="new") == 3
    assert value(metrics, gate.WORK.name, tier="pro", kind="promised") == 7.0
    assert value(metrics, gate.GPUS.name) == 2.0
    assert value(metrics, jobs.DEFERRED.name, tier="new") == 2
    assert value(metrics, jobs.DEFERRED.name, tier="other") == 1


def test_requests_are_counted_with_labels_of_ours_only(metrics: Metrics) -> None:
    strange = answered(tier="gold", reason=PROMPT)
    metrics.policy.answered([answered(), answered(), replace(strange, model="other/../one")])
    name, ours = gate.REQUESTS.name, {"outcome": "shed", "model": "tiny", "tier": "new"}
    assert value(metrics, name, **ours, reason="tier_shed") == 4
    strangers = {"model": "other", "tier": "other", "reason": "other"}
    assert value(metrics, name, **strangers, outcome="shed") == 2
    assert value(metrics, gate.REQUESTED.name, tier="new") == 16.0


def test_promises_are_kept_or_broken(metrics: Metrics) -> None:
    for by in (1_016.0, 1_015.0, 1_030.0):
        metrics.finished(replace(DONE, promised_by=by))
    metrics.finished(replace(DONE, promised_by=1_000.0, status=Status.CANCELLED))
    name = gate.PROMISES_ENDED.name
    assert value(metrics, name, tier="free", outcome="kept") == 2
    assert value(metrics, name, tier="free", outcome="broken") == 1
