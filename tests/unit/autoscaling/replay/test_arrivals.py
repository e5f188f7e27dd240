"""The workload: the same for the same seed, and as large as the scenario says."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from statistics import mean, pstdev

import pytest

from autoscaling.replay.arrivals import arrivals
from autoscaling.replay.scenarios import ALL, FLASH_X10, HOUR, MIXES, scenario
from autoscaling.tiers import DEFAULT_TIERS

STEADY = replace(scenario("S1"), hours=200.0, spread=0.0)


def test_a_seed_is_a_workload() -> None:
    def numbers(seed: int) -> list[tuple[float, str, float]]:
        jobs = arrivals(FLASH_X10, DEFAULT_TIERS, seed)
        return [(job.arrived_at, job.account_id, job.true_gpu_s) for job in jobs]

    assert numbers(1) == numbers(1)
    assert numbers(1) != numbers(2)


def test_as_much_is_asked_for_as_the_scenario_says() -> None:
    jobs = arrivals(STEADY, DEFAULT_TIERS, 1)
    asked = sum(job.size.gpu_s for job in jobs) / (STEADY.hours * HOUR * STEADY.gpus)
    assert asked == pytest.approx(0.9, rel=0.05)
    tiers = Counter(job.tier for job in jobs)
    for mix in MIXES:
        assert tiers[mix.tier] / len(jobs) == pytest.approx(mix.part, abs=0.02)


def test_within_busy_hours_requests_come_one_by_one() -> None:
    gaps = [b.arrived_at - a.arrived_at for a, b in pairwise(arrivals(STEADY, DEFAULT_TIERS, 1))]
    assert pstdev(gaps) / mean(gaps) == pytest.approx(1.0, abs=0.1)


def test_few_accounts_ask_for_much() -> None:
    jobs = arrivals(STEADY, DEFAULT_TIERS, 1)
    asked = sorted(Counter(job.account_id for job in jobs).values(), reverse=True)
    assert sum(asked[: len(asked) // 5]) > 0.4 * len(jobs)


def test_the_flash_crowd_is_twice_what_single_gpus_can_do() -> None:
    jobs = [job for seed in range(8) for job in arrivals(FLASH_X10, DEFAULT_TIERS, seed)]
    peak = [job for job in jobs if 3.25 * HOUR <= job.arrived_at < 5 * HOUR]
    asked = sum(job.size.gpu_s for job in peak) / (8 * 1.75 * HOUR * 16)
    assert 1.7 < asked < 2.3


def test_one_account_sends_three_tenths() -> None:
    jobs = arrivals(scenario("S7"), DEFAULT_TIERS, 1)
    (_, most), *_ = Counter(job.account_id for job in jobs).most_common(1)
    assert most / len(jobs) == pytest.approx(0.3, abs=0.05)


def test_scenarios_are_known_by_name() -> None:
    names = [each.name for each in ALL]
    assert len(set(names)) == len(names)
    assert scenario("S4") is scenario("S4x10")
    with pytest.raises(ValueError, match="no scenario S99; there are S0, S1"):
        scenario("S99")


def test_a_surge_comes_over_ten_minutes_and_ends() -> None:
    factors = [FLASH_X10.surges[0].factor("new", at) for at in (0, 3 * HOUR + 300, 4 * HOUR)]
    assert factors == [1.0, 5.5, 10.0]
    assert FLASH_X10.surges[0].factor("new", 5 * HOUR) == 1.0
    assert FLASH_X10.surges[0].factor("pro", 4 * HOUR) == 1.0
