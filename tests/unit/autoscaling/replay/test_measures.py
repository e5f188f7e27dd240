"""The figures of a replay, by hand."""

from dataclasses import replace

import pytest

from autoscaling.decisions import Admit, Decision, Defer, Reason, Shed
from autoscaling.replay.engine import Record, Told
from autoscaling.replay.jobs import SMALL, SimJob
from autoscaling.replay.measures import inversions, jain, measure, percentile
from autoscaling.replay.scenarios import CALM

NOW = Admit(reason=Reason.OPEN)
NOT = Shed(reason=Reason.TOO_FAR, retry_after_s=60.0)


def job(
    account: str,
    decision: Decision,
    *,
    started_at: float | None = None,
    finished_at: float | None = None,
    promised_by: float | None = None,
) -> SimJob:
    """Of 150 GPU-seconds, asked for at 0, to be there by 431."""
    return SimJob(
        number=1,
        arrived_at=0.0,
        rank=1,
        tier="free",
        account_id=account,
        size=SMALL,
        true_gpu_s=150.0,
        slo_scale=10.0,
        decision=decision,
        started_at=started_at,
        finished_at=finished_at,
        promised_by=promised_by,
        held_gpu_s=150.0 if finished_at else 0.0,
    )


def promised(finished_at: float) -> SimJob:
    decision = Defer(reason=Reason.BUSY, finish_by=1_000.0, predicted_s=800.0)
    return job("b", decision, started_at=900.0, finished_at=finished_at, promised_by=1_000.0)


JOBS = [
    job("a", NOW, started_at=10.0, finished_at=400.0),
    job("a", NOW, started_at=20.0, finished_at=500.0),
    promised(950.0),
    promised(1_100.0),
    job("c", NOT),
]
RECORD = Record(scenario=CALM, jobs=JOBS, used_gpu_s=16 * 6 * 3600.0, flips={"free": 24})


def test_both_clocks() -> None:
    result = measure(RECORD, paid_from=2)
    free = result.tiers["free"]
    assert (free["slo_arrival"], free["slo_promise"]) == (0.2, 0.4)
    assert (free["shed"], free["deferred"]) == (0.2, 0.4)
    assert result.overall["goodput_arrival"] == pytest.approx(0.2)
    assert result.overall["goodput_promise"] == pytest.approx(0.4)
    assert result.overall["waste"] == 0.5
    assert result.overall["promise_coverage"] == 0.5
    assert result.overall["promise_overrun_max"] == pytest.approx(1.1)
    assert result.overall["utilisation"] == 0.5
    assert result.overall["gate_flips_per_hour"] == 2.0


def test_waits() -> None:
    free = measure(RECORD, paid_from=2).tiers["free"]
    assert (free["wait_p50_s"], free["wait_p99_s"]) == (20.0, 900.0)
    assert percentile([], 0.5) == 0.0
    starving = job("d", NOW, started_at=4_311.0, finished_at=4_400.0)
    assert measure(replace_jobs([*JOBS, starving]), paid_from=2).overall["starved"] == 1.0


def replace_jobs(jobs: list[SimJob]) -> Record:
    return replace(RECORD, jobs=jobs)


def test_a_promise_that_was_never_kept_has_no_bound() -> None:
    lost = job("b", NOW, promised_by=100.0)
    overall = measure(replace_jobs([lost]), paid_from=2).overall
    assert overall["promise_overrun_max"] == float("inf")
    assert overall["promise_coverage"] == 0.0


def test_jain_is_one_when_all_get_the_same_part() -> None:
    served, unserved = JOBS[0], JOBS[4]
    assert jain([served, served, JOBS[2]]) == 1.0
    assert jain([served, unserved]) == 0.5
    assert jain([unserved]) == 1.0


def test_an_inversion_is_a_paid_job_shed_beside_a_lower_one_that_was_let_in() -> None:
    let_in = Told(at=100.0, rank=0, shed=False)
    assert inversions([let_in, Told(at=105.0, rank=2, shed=True)], paid_from=2) == 1
    assert inversions([let_in, Told(at=111.0, rank=2, shed=True)], paid_from=2) == 0
    assert inversions([let_in, Told(at=105.0, rank=1, shed=True)], paid_from=2) == 0
    above = Told(at=100.0, rank=3, shed=False)
    assert inversions([above, Told(at=105.0, rank=2, shed=True)], paid_from=2) == 0
