"""A gang that was told to stop after its step, and has lost its job before that."""

import pytest

from autoscaling.replay.baselines import Baseline, NoLimit, by_arrival
from autoscaling.replay.cluster import Cluster, Gang
from autoscaling.replay.engine import Replay
from autoscaling.replay.jobs import LARGE, SMALL, START_S, STEPS, SimJob, seconds_on
from autoscaling.replay.scenarios import Outage, Scenario
from tests.unit.autoscaling.replay.test_engine import job

HOUR_S = 3_600.0
FAILS_S, RETURNS_S = 100.0, 101.0
LOST = Scenario(
    name="by-hand",
    about="the first gang is gone for a second",
    load=0.0,
    hours=1.0,
    outage=Outage(begins_h=FAILS_S / HOUR_S, ends_h=RETURNS_S / HOUR_S, part=0.25),
)
STEP_S = seconds_on(LARGE.gpu_s, 4) / STEPS


class StopsOnce(Baseline):
    """Tells the first gang to stop, once, at the first chance from `at` on."""

    def __init__(self, at: float) -> None:
        super().__init__(by_arrival, NoLimit())
        self.at = at
        self.boundary_s = 0.0

    def gives_way(self, cluster: Cluster) -> Gang | None:
        first = cluster.gangs[0]
        if self.boundary_s or cluster.now < self.at or first.run is None:
            return None
        self.boundary_s = first.run.next_step_at(cluster.now)
        return first


def long_jobs() -> list[SimJob]:
    """One for each gang; the first gets the first."""
    return [job(number, 0.0, size=LARGE) for number in range(4)]


def test_whoever_has_the_gang_by_then_goes_on() -> None:
    """Its gang failed, was back, and had started it anew before the step would have ended."""
    asked_s = FAILS_S - 1.0
    jobs = [*long_jobs(), job(9, asked_s, size=SMALL)]
    policy = StopsOnce(at=asked_s)
    Replay(LOST, jobs, policy).run()
    assert RETURNS_S < policy.boundary_s < RETURNS_S + STEP_S, "the stop is stale by then"
    done = int((FAILS_S - START_S) / STEP_S)
    left_s = (STEPS - done) * STEP_S
    assert jobs[0].finished_at == pytest.approx(RETURNS_S + START_S + left_s)


def test_who_makes_the_last_step_ends() -> None:
    ends_s = START_S + STEPS * STEP_S
    asked_s = ends_s - STEP_S / 2
    jobs = [*long_jobs(), job(9, asked_s, size=SMALL)]
    policy = StopsOnce(at=asked_s)
    Replay(Scenario(name="by-hand", about="an hour", load=0.0, hours=1.0), jobs, policy).run()
    assert policy.boundary_s == pytest.approx(ends_s)
    assert jobs[0].finished_at == pytest.approx(ends_s)
    assert jobs[0].suspended_at is None
