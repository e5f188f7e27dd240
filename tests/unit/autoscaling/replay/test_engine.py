"""The replay by hand: a few jobs, a few gangs, and what must happen when."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from autoscaling.decisions import Shed
from autoscaling.replay.baselines import Baseline, InFlight, NoLimit, by_arrival
from autoscaling.replay.engine import RETRY_S, Record, Replay
from autoscaling.replay.filmgate import Filmgate
from autoscaling.replay.jobs import LARGE, SMALL, START_S, SimJob, Size, seconds_on
from autoscaling.replay.options import Options
from autoscaling.replay.policy import Policy
from autoscaling.replay.scenarios import Outage, Scenario

HOUR_LONG = Scenario(name="by-hand", about="an hour", load=0.0, hours=1.0)
SHORT_S = START_S + seconds_on(150.0, 4)


def job(number: int, at: float, tier: str = "free", size: Size = SMALL) -> SimJob:
    rank, scale = {"free": (1, 10.0), "plus": (2, 3.0), "pro": (3, 2.0)}[tier]
    return SimJob(
        number=number,
        arrived_at=at,
        rank=rank,
        tier=tier,
        account_id=str(number),
        size=size,
        true_gpu_s=size.gpu_s,
        slo_scale=scale,
    )


def run(jobs: Sequence[SimJob], policy: Policy, scenario: Scenario = HOUR_LONG) -> Record:
    return Replay(scenario, jobs, policy).run()


def fifo() -> Policy:
    return Baseline(by_arrival, NoLimit())


def test_four_gangs_make_four_clips_at_once_and_the_fifth_waits() -> None:
    jobs = [job(number, 0.0) for number in range(5)]
    record = run(jobs, fifo())
    assert [each.finished_at for each in jobs] == pytest.approx([SHORT_S] * 4 + [2 * SHORT_S])
    assert record.used_gpu_s == pytest.approx(5 * 4 * SHORT_S)


def test_who_is_shed_tries_again() -> None:
    jobs = [job(number, 0.0) for number in range(3)]
    run(jobs, Baseline(by_arrival, InFlight(1)), replace(HOUR_LONG, retries=2))
    assert [each.tries for each in jobs] == [1, 3, 3]
    assert jobs[1].finished_at == pytest.approx(2 * RETRY_S + SHORT_S)
    assert isinstance(jobs[2].decision, Shed)
    assert jobs[2].finished_at is None


def test_a_job_on_a_gang_that_fails_goes_on_elsewhere_with_its_steps() -> None:
    lost = replace(HOUR_LONG, outage=Outage(begins_h=0.1, ends_h=0.5, part=0.25))
    jobs = [job(0, 340.0)]
    run(jobs, fifo(), lost)
    assert jobs[0].finished_at is not None
    redone_s = jobs[0].finished_at - 340.0 - SHORT_S
    assert START_S <= redone_s <= START_S + seconds_on(150.0, 4) / 50 + 1e-6


def test_a_paid_job_that_would_be_late_gets_a_gang_and_the_other_goes_on_later() -> None:
    others = [job(number, 0.0, size=LARGE) for number in range(7)]
    paid = job(9, 60.0, tier="pro")
    run([*others, paid], Filmgate(Options(degrees=(4, 4, 4, 1, 1, 1, 1))))
    assert paid.finished_at is not None
    assert paid.finished_at <= paid.deadline
    stopped = [each for each in others if each.preemptions]
    assert len(stopped) == 1
    assert stopped[0].finished_at is not None
    assert all(each.finished_at for each in others)


def test_without_preemption_it_is_late() -> None:
    others = [job(number, 0.0, size=LARGE) for number in range(7)]
    paid = job(9, 60.0, tier="pro")
    run([*others, paid], Filmgate(Options(degrees=(4, 4, 4, 1, 1, 1, 1), preempts=False)))
    assert paid.finished_at is not None
    assert paid.finished_at > paid.deadline


def test_a_job_alone_on_one_gpu_moves_to_four_that_are_free() -> None:
    jobs = [job(number, 0.0) for number in range(3)] + [job(3, 0.0, size=LARGE)]
    run(jobs, Filmgate(Options(degrees=(4, 4, 4, 1, 1, 1, 1))))
    assert jobs[3].finished_at is not None
    assert jobs[3].finished_at < START_S + 1_500.0
    assert jobs[3].preemptions == 0


def test_gangs_that_are_not_the_scenarios_gpus_are_refused() -> None:
    with pytest.raises(ValueError, match="are 4 GPUs, and by-hand has 16"):
        run([], Filmgate(Options(degrees=(4,))))
