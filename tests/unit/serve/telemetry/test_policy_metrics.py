"""What is measured of the policy: levels by tier, and what became of requests and promises."""

from dataclasses import replace
from typing import Any

import pytest

from serve.jobs.job import Status
from serve.messages import Answered
from serve.telemetry.catalogue import gate, jobs
from serve.telemetry.metrics import Metrics
from tests.unit.serve.telemetry.scraping import DONE, PROMPT, TIERS, sight, value
from tests.unit.serve.telemetry.test_metrics import gates


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(TIERS, ["tiny"])


def answered(**fields: str) -> Answered:
    facts: dict[str, Any] = {"outcome": "shed", "reason": "tier_shed", "tier": "new", **fields}
    return Answered(model="tiny", requests=2, gpu_s=8.0, **facts)


def test_levels_are_shown_by_tier(metrics: Metrics) -> None:
    metrics.policy.looked(sight(), {"new": 3})
    metrics.policy.looked(sight(), {"new": 4})
    assert value(metrics, gate.SATURATION.name, tier="new") == 1.5
    assert value(metrics, gate.TURNED_ASIDE.name, tier="free") == 0.25
    assert value(metrics, gate.FLIPS.name, tier="new") == 4
    assert value(metrics, gate.WORK.name, tier="pro", kind="promised") == 7.0
    assert value(metrics, gate.GPUS.name) == 2.0
    assert value(metrics, gate.PAID_WAIT.name) == 0.5
    assert value(metrics, gate.PROMISE_PRESSURE.name) == 0.75
    assert value(metrics, gate.DRAIN_TARGET.name) == sight().rules.saturation.drain_target_s


def test_a_gate_is_in_one_state(metrics: Metrics) -> None:
    metrics.policy.stood(gates(), {"free"})
    states = {
        tier: [
            state
            for state in ("open", "deferring", "shedding", "closed")
            if value(metrics, gate.STATE.name, tier=tier, state=state) == 1
        ]
        for tier in TIERS
    }
    assert states == {"new": ["shedding"], "free": ["closed"], "pro": ["open"]}
    assert value(metrics, gate.DRAIN.name, tier="new") == 20.0


def test_what_tiers_may_expect_needs_no_constants_in_alerts(metrics: Metrics) -> None:
    metrics.policy.owes(sight().rules.tiers, 100.0)
    paid = {tier: value(metrics, gate.TIER_PAID.name, tier=tier) for tier in TIERS}
    assert paid == {"new": 0, "free": 0, "pro": 1}
    assert value(metrics, gate.WAIT_TARGET.name, tier="pro") == 100.0
    assert value(metrics, gate.WAIT_TARGET.name, tier="new") == 900.0


def test_requests_are_counted_with_labels_of_ours_only(metrics: Metrics) -> None:
    strange = answered(tier="gold", reason=PROMPT)
    metrics.policy.answered([answered(), answered(), replace(strange, model="other/../one")])
    name, ours = gate.REQUESTS.name, {"outcome": "shed", "model": "tiny", "tier": "new"}
    assert value(metrics, name, **ours, reason="tier_shed") == 4
    strangers = {"model": "other", "tier": "other", "reason": "other"}
    assert value(metrics, name, **strangers, outcome="shed") == 2
    assert value(metrics, gate.REQUESTED.name, tier="new") == 16.0


def test_promises_are_kept_or_broken_and_begin_at_zero(metrics: Metrics) -> None:
    name = gate.PROMISES_ENDED.name
    assert value(metrics, name, tier="free", outcome="broken") == 0
    for by in (1_016.0, 1_015.0, 1_030.0):
        metrics.policy.finished(replace(DONE, promised_by=by))
    metrics.policy.finished(replace(DONE, promised_by=1_000.0, status=Status.CANCELLED))
    assert value(metrics, name, tier="free", outcome="kept") == 2
    assert value(metrics, name, tier="free", outcome="broken") == 1


def test_the_waitlist_and_what_costs_were_off(metrics: Metrics) -> None:
    metrics.policy.waitlist(7, 2)
    metrics.policy.waitlist(6, 1)
    metrics.policy.corrected({("tiny", "denoise"): 1.25})
    assert value(metrics, gate.WAITLIST.name) == 6
    assert value(metrics, gate.CALLED.name) == 3
    assert value(metrics, jobs.CORRECTION.name, model="tiny", stage="denoise") == 1.25
