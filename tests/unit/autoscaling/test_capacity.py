"""Replicas: as many as are needed, within the budget, fast up and slow down, never under work."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaling.capacity import CapacityRule, Pace, Pool, needed, paced, targets, within

RULE = CapacityRule()
POOL = Pool(
    name="ltx/denoise/tp4",
    gpus=4.0,
    replicas=2,
    forecast_gpu_s_per_s=12.0,
    backlog_gpu_s=3_600.0,
    idle_replicas=0,
    waiting=3,
)


def test_the_worked_numbers() -> None:
    assert needed(POOL, RULE) == 6


@pytest.mark.parametrize(
    ("change", "replicas"),
    [
        ({"most": 4}, 4),
        ({"forecast_gpu_s_per_s": 0.0, "backlog_gpu_s": 0.0}, 1),
        ({"forecast_gpu_s_per_s": 0.0, "backlog_gpu_s": 0.0, "least": 2}, 2),
        ({"may_sleep": True, "quiet_s": 1_800.0, "waiting": 0}, 0),
        ({"may_sleep": True, "quiet_s": 1_799.0, "waiting": 0}, 6),
        (
            {"may_sleep": True, "least": 0, "forecast_gpu_s_per_s": 0.0, "backlog_gpu_s": 0.0},
            1,
        ),
        ({"gpus": 0.0, "forecast_gpu_s_per_s": 1.7, "backlog_gpu_s": 0.0}, 2),
    ],
)
def test_what_is_needed(change: dict[str, object], replicas: int) -> None:
    assert needed(replace(POOL, **change), RULE) == replicas


def grown(pool: Pool, wanted: int, times: list[float]) -> list[int]:
    pace, chosen = Pace(), []
    for now in times:
        target, pace = paced(pool, wanted, pace, now, RULE)
        pool = replace(pool, replicas=target)
        chosen.append(target)
    return chosen


def test_it_grows_after_half_a_minute_all_at_once() -> None:
    assert grown(POOL, 6, [0.0, 29.0, 30.0]) == [2, 2, 6]


def test_a_model_that_sleeps_wakes_at_once() -> None:
    assert grown(replace(POOL, replicas=0), 1, [0.0]) == [1]


def test_it_shrinks_after_ten_minutes_one_a_minute() -> None:
    idle = replace(POOL, replicas=4, idle_replicas=1, waiting=0)
    assert grown(idle, 2, [0.0, 599.0, 600.0, 659.0, 660.0, 720.0]) == [4, 4, 3, 3, 2, 2]


@pytest.mark.parametrize("change", [{"idle_replicas": 0}, {"waiting": 1}])
def test_it_never_shrinks_under_work(change: dict[str, int]) -> None:
    busy = replace(replace(POOL, replicas=4, idle_replicas=1, waiting=0), **change)
    assert grown(busy, 1, [0.0, 600.0, 6_000.0]) == [4, 4, 4]


def test_a_moment_of_more_demand_starts_the_wait_anew() -> None:
    idle = replace(POOL, replicas=4, idle_replicas=1, waiting=0)
    _, pace = paced(idle, 2, Pace(), 0.0, RULE)
    _, pace = paced(idle, 4, pace, 500.0, RULE)
    assert paced(idle, 2, pace, 700.0, RULE)[0] == 4


def test_scarce_gpus_go_where_most_is_missing() -> None:
    small = replace(POOL, name="small", gpus=1.0, least=1)
    large = replace(POOL, name="large", gpus=4.0, least=1)
    assert within({"small": 8, "large": 2}, [large, small], 12.0) == {"large": 2, "small": 4}
    assert within({"small": 8, "large": 2}, [large, small], 3.0) == {"large": 0, "small": 3}
    paid = replace(small, weight=4.0)
    assert within({"small": 8, "large": 3}, [large, paid], 12.0)["small"] == 8


pools = st.lists(
    st.builds(
        Pool,
        name=st.integers(0, 9).map(str),
        gpus=st.sampled_from([0.0, 0.5, 1.0, 4.0, 8.0]),
        replicas=st.integers(0, 4),
        forecast_gpu_s_per_s=st.floats(0, 50),
        backlog_gpu_s=st.floats(0, 1e4),
        idle_replicas=st.integers(0, 2),
        waiting=st.integers(0, 2),
        least=st.integers(0, 2),
        most=st.integers(2, 10),
        may_sleep=st.booleans(),
        quiet_s=st.floats(0, 4e3),
        weight=st.sampled_from([1.0, 3.0]),
    ),
    max_size=5,
    unique_by=lambda pool: pool.name,
)


@given(pools, st.sampled_from([0.0, 4.0, 16.0, 64.0]), st.lists(st.floats(0, 700), max_size=6))
def test_targets_stay_within_the_budget_and_busy_replicas_stay(
    pools: list[Pool], budget_gpus: float, pauses: list[float]
) -> None:
    paces: dict[str, Pace] = {}
    now = 0.0
    for pause_s in pauses:
        now += pause_s
        chosen, paces = targets(pools, paces, budget_gpus=budget_gpus, now=now, rule=RULE)
        held = sum(pool.replicas * pool.gpus for pool in pools)
        taken = sum(chosen[pool.name] * pool.gpus for pool in pools)
        assert taken <= max(budget_gpus, held) + 1e-6
        for pool in pools:
            if chosen[pool.name] < pool.replicas:
                assert chosen[pool.name] == pool.replicas - 1
                assert pool.idle_replicas
                assert not pool.waiting
        pools = [replace(pool, replicas=chosen[pool.name]) for pool in pools]


@given(pools, st.floats(0, 100))
def test_the_budget_is_shared_without_waste(pools: list[Pool], budget_gpus: float) -> None:
    wanted = {pool.name: needed(pool, RULE) for pool in pools}
    given_ = within(wanted, pools, budget_gpus)
    left = budget_gpus - sum(given_[pool.name] * pool.gpus for pool in pools)
    assert left >= -1e-6
    for pool in pools:
        assert given_[pool.name] <= wanted[pool.name]
        assert given_[pool.name] == wanted[pool.name] or pool.gpus > left - 1e-6
