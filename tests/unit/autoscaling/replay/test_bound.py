"""The bound: nothing that fits is lost, what does not fit is, and no policy makes more."""

import pytest

from autoscaling.replay.arrivals import arrivals
from autoscaling.replay.bound import most_in_time
from autoscaling.replay.jobs import SMALL, SimJob
from autoscaling.replay.measures import measure
from autoscaling.replay.policies import known_policy
from autoscaling.replay.runs import replay
from autoscaling.replay.scenarios import HOUR, Outage, Scenario, scenario
from autoscaling.tiers import DEFAULT_TIERS

HOUR_LONG = Scenario(name="by-hand", about="an hour", load=0.0, hours=1.0)


def crowd(number: int, rank: int = 0) -> list[SimJob]:
    """Of 150 GPU-seconds each, at once, in time within 431 s unless more is given."""
    return [
        SimJob(
            number=n,
            arrived_at=0.0,
            rank=rank,
            tier="new",
            account_id="a",
            size=SMALL,
            true_gpu_s=150.0,
            slo_scale=10.0,
        )
        for n in range(number)
    ]


def test_what_fits_is_in_time_and_the_rest_is_lost() -> None:
    assert most_in_time(HOUR_LONG, crowd(10), 2, 0.0) == 1.0
    assert most_in_time(HOUR_LONG, crowd(100), 2, 0.0) == pytest.approx(435 * 16 / 15_000)
    assert most_in_time(HOUR_LONG, crowd(100), 2, 1_000.0) == 1.0


def test_paid_work_goes_first_and_is_never_lost() -> None:
    assert most_in_time(HOUR_LONG, crowd(100, rank=2), 2, 0.0) == pytest.approx(1.0)
    both = [*crowd(47, rank=2), *crowd(47)]
    assert most_in_time(HOUR_LONG, both, 2, 0.0) == pytest.approx(0.5, abs=0.02)


def test_gpus_that_are_gone_make_nothing() -> None:
    lost = Scenario(
        name="lost", about="", load=0.0, outage=Outage(begins_h=0.0, ends_h=1.0, part=0.5)
    )
    assert most_in_time(lost, crowd(100), 2, 0.0) == pytest.approx(435 * 8 / 15_000)


@pytest.mark.parametrize("policy", ["filmgate", "filmgate-no-deferral"])
def test_nobody_makes_more(policy: str) -> None:
    flood, seed = scenario("S4x10"), 3
    longest_s = 4 * HOUR if policy == "filmgate" else 0.0
    most = most_in_time(flood, arrivals(flood, DEFAULT_TIERS, seed), 2, longest_s)
    made = measure(replay(flood, known_policy(policy), seed), paid_from=2).overall
    assert 0.5 * most < made["goodput_promise"] <= most
