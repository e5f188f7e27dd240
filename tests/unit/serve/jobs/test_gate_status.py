"""The gate as operators see it: from the policy's numbers to plain values and back."""

import json
from dataclasses import replace

import pytest

from autoscaling.admission import Situation
from autoscaling.gates import Switches
from autoscaling.load import Load, TierLoad
from autoscaling.promises import Stretch, Wish
from autoscaling.rules import Rules
from serve.jobs.gate_status import GateStatus, TierCounts, counts_by_tier, gate_status
from serve.jobs.job import Status
from tests.unit.autoscaling.loads import NUM_TIERS, load_of
from tests.unit.serve.attempts.scene import JOB

BUSY = load_of(
    free=TierLoad(backlog_gpu_s=1_600.0, promised_gpu_s=320.0, offered_gpu_s_per_s=8.0),
    pro=TierLoad(backlog_gpu_s=800.0, offered_gpu_s_per_s=4.0),
)


def situation(load: Load = BUSY, **changes: object) -> Situation:
    sight = Situation(
        load=load,
        levels=(1.2, 0.4, 0.1, 0.1, 0.0, 0.0),
        aside=(1.0, 0.5, 0.0, 0.0, 0.0, 0.0),
        stretch=Stretch(),
        rules=Rules(),
    )
    return replace(sight, **changes)  # type: ignore[arg-type]


def status_of(sight: Situation, **refused: float) -> GateStatus:
    return gate_status(
        sight,
        flips={"new": 3, "free": 1},
        counts={"free": TierCounts(waiting=2, running=1, deferred=4)},
        refused=refused,
        typical=Wish(gpu_s=150.0, standalone_s=40.0),
        epoch=7,
        now=1_000.5,
    )


def test_each_tier_has_its_row() -> None:
    status = status_of(situation())
    new, free, _, pro = status.tiers[:4]
    assert (status.epoch, status.gpus, status.drain_s) == (7, 16.0, 150.0)
    assert [tier.gate for tier in status.tiers[:3]] == ["deferring", "deferring", "open"]
    assert (new.saturation, new.aside, new.flips, new.waiting) == (1.2, 1.0, 3, 0)
    assert (free.waiting, free.running, free.deferred, free.promised_gpu_s) == (2, 1, 4, 320.0)
    assert (free.drain_s, pro.drain_s) == (150.0, 50.0)
    assert (new.offered, free.offered, pro.offered) == (0.0, 0.5, 0.25)


def test_a_tier_sheds_while_most_of_those_that_are_turned_aside_get_nothing() -> None:
    status = status_of(situation(), new=0.7, free=0.3, pro=0.9)
    assert [tier.gate for tier in status.tiers[:4]] == ["shedding", "deferring", "open", "open"]
    assert [tier.refused for tier in status.tiers[:4]] == [0.7, 0.3, None, 0.9]


def test_a_tier_that_an_operator_closed_is_closed_with_those_below() -> None:
    status = status_of(situation(switches=Switches(rates={"new": 0.0})))
    assert [tier.gate for tier in status.tiers[:2]] == ["closed", "deferring"]
    status = status_of(situation(switches=Switches(rates={"free": 0.0})), new=1.0)
    assert [tier.gate for tier in status.tiers[:3]] == ["closed", "closed", "open"]


@pytest.mark.parametrize("load", [BUSY, replace(BUSY, gpus=0.0), load_of(gpus=0.0)])
def test_plain_values_and_back(load: Load) -> None:
    status = status_of(situation(load, levels=(float("inf"),) * NUM_TIERS))
    values = json.loads(json.dumps(status.to_values(), allow_nan=False))
    assert GateStatus.from_values(values) == status
    assert status.tiers[0].saturation is None


def test_what_another_version_wrote() -> None:
    values = status_of(situation()).to_values()
    assert GateStatus.from_values({**values, "colour": "red"}).epoch == 7
    del values["stretch"]
    with pytest.raises(KeyError):
        GateStatus.from_values(values)


def test_silence_is_noticed() -> None:
    status = status_of(situation())
    assert status.silent_s(1_010.5) is None
    assert status.silent_s(1_015.5) == 15.0


def test_jobs_are_counted_by_what_they_wait_for() -> None:
    job = replace(JOB, tier="new")
    jobs = [
        job,
        replace(job, promised_by=9.0),
        replace(job, promised_by=9.0, released_at=5.0),
        replace(job, tier="pro", status=Status.IN_PROGRESS),
        replace(job, tier="pro", status=Status.COMPLETED),
    ]
    assert counts_by_tier(jobs) == {
        "new": TierCounts(waiting=2, deferred=1),
        "pro": TierCounts(running=1),
    }
