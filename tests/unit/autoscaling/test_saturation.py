"""Saturation: drain time, paid waits, offered load; smoothed, and surges seen at once."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaling.gates import GateRule, Gates
from autoscaling.load import Load, TierLoad
from autoscaling.saturation import Saturation, SaturationRule, excess, raw_levels
from autoscaling.tiers import DEFAULT_TIERS
from tests.unit.autoscaling.loads import NUM_TIERS, RANKS, load_of, loads

RULE = SaturationRule(drain_target_s=300.0)
GATES = GateRule()


def raw(load: Load) -> dict[str, float]:
    levels = raw_levels(load, DEFAULT_TIERS, RULE, GATES)
    return {name: levels[rank] for name, rank in RANKS.items()}


def test_an_idle_cluster_is_empty_for_all() -> None:
    assert set(raw(load_of()).values()) == {0.0}


def test_work_that_takes_the_target_is_a_saturation_of_one() -> None:
    assert raw(load_of(new=TierLoad(backlog_gpu_s=16 * 300.0)))["new"] == 1.0


def test_work_that_runs_is_in_nobodys_way() -> None:
    half = TierLoad(backlog_gpu_s=16 * 300.0, running_gpu_s=16 * 150.0)
    assert raw(load_of(new=half))["new"] == 0.5
    all_of_it = TierLoad(backlog_gpu_s=16 * 300.0, running_gpu_s=16 * 301.0)
    assert raw(load_of(new=all_of_it))["new"] == 0.0


def test_what_was_promised_for_later_is_in_the_way_of_whoever_comes_now() -> None:
    levels = raw(load_of(new=TierLoad(promised_gpu_s=16 * 300.0)))
    assert (levels["new"], levels["free"], levels["plus"]) == (1.0, 1.0, 0.0)


def test_paid_jobs_are_not_held_up_by_the_others() -> None:
    levels = raw(load_of(free=TierLoad(backlog_gpu_s=9_600), plus=TierLoad(backlog_gpu_s=4_800)))
    assert (levels["new"], levels["free"], levels["plus"], levels["pro"]) == (3.0, 3.0, 1.0, 1.0)


def test_a_flood_of_new_users_fills_the_cluster_for_new_users() -> None:
    flood = TierLoad(offered_gpu_s_per_s=40.0)
    levels = raw(load_of(new=flood, free=TierLoad(offered_gpu_s_per_s=8.0)))
    assert levels["new"] == pytest.approx(0.4 + 0.8 * 32 / 40)
    assert levels["free"] == levels["pro"] == 0.0
    assert raw(load_of(new=flood, free=TierLoad(offered_gpu_s_per_s=16.0)))["new"] == 1.2


def test_how_much_is_too_much() -> None:
    load = load_of(new=TierLoad(offered_gpu_s_per_s=17.6), plus=TierLoad(offered_gpu_s_per_s=14.4))
    assert excess(load, RANKS["new"]) == pytest.approx(0.91, abs=0.01)
    assert excess(load, RANKS["free"]) == excess(load, RANKS["plus"]) == 0.0


def test_what_the_gpus_can_do_is_no_flood() -> None:
    assert raw(load_of(free=TierLoad(offered_gpu_s_per_s=15.9)))["free"] == 0.0
    assert raw(load_of(plus=TierLoad(offered_gpu_s_per_s=17.6)))["plus"] == pytest.approx(1.1)
    assert raw(load_of(free=TierLoad(offered_gpu_s_per_s=17.6)))["free"] > 0.3


def test_paid_waits_close_the_door_for_the_others() -> None:
    levels = raw(load_of(paid_wait=1.2))
    assert (levels["new"], levels["free"], levels["plus"]) == (1.2, 1.2, 0.0)


def test_without_gpus_any_work_is_too_much() -> None:
    levels = raw(load_of(gpus=0, free=TierLoad(backlog_gpu_s=1.0)))
    assert levels["new"] == levels["pro"] == math.inf
    assert raw(load_of(gpus=0))["new"] == 0.0


def test_a_surge_is_seen_at_once_and_the_rest_within_a_minute() -> None:
    idle = Saturation.idle(1, now=0.0)
    assert idle.after((3.0,), 0.0, RULE).levels == (1.5,)
    assert idle.after((3.0,), 60.0, RULE).levels[0] == pytest.approx(3 * (1 - math.exp(-1)))


def test_it_is_forgotten_by_degrees() -> None:
    full = Saturation.idle(1, now=0.0).after((2.0,), 1e6, RULE)
    assert full.after((0.0,), 1e6 + 60, RULE).levels[0] == pytest.approx(2 * math.exp(-1))


def test_after_a_time_without_gpus_it_starts_anew() -> None:
    lost = Saturation.idle(1, now=0.0).after((math.inf,), 1.0, RULE)
    assert lost.levels == (math.inf,)
    assert lost.after((0.5,), 2.0, RULE).levels == (0.5,)


def test_a_clock_that_goes_back_changes_nothing() -> None:
    now = Saturation.idle(1, now=100.0).after((1.0,), 160.0, RULE)
    assert now.after((5.0,), 100.0, RULE).averages == now.averages


@given(loads)
def test_too_much_is_never_a_larger_part_of_a_higher_tier(load: Load) -> None:
    parts = [excess(load, rank) for rank in range(NUM_TIERS)]
    for lower, upper in pairwise(parts):
        assert lower >= upper - 1e-9


@given(st.lists(st.tuples(loads, st.floats(0, 600)), max_size=12))
def test_whatever_the_load_no_tier_overtakes_the_one_above(
    looks: list[tuple[Load, float]],
) -> None:
    state, gates, now = Saturation.idle(NUM_TIERS, now=0.0), Gates.open(NUM_TIERS), 0.0
    for load, pause_s in looks:
        now += pause_s
        state = state.after(raw_levels(load, DEFAULT_TIERS, RULE, GATES), now, RULE)
        assert all(not math.isnan(level) for level in state.levels)
        gates = gates.after(state.levels, DEFAULT_TIERS, now, GATES)
        assert list(gates.aside) == sorted(gates.aside, reverse=True)


def test_what_paid_tiers_ask_for_is_not_there_for_the_others() -> None:
    paid = TierLoad(sustained_gpu_s_per_s=8.0)
    assert raw(load_of(plus=paid, free=TierLoad(backlog_gpu_s=2_400)))["free"] == 1.0
    greedy = TierLoad(sustained_gpu_s_per_s=99.0)
    assert raw(load_of(plus=greedy, free=TierLoad(backlog_gpu_s=960)))["free"] == pytest.approx(1)


def test_promises_that_take_all_that_is_left_close_the_door_for_the_others() -> None:
    levels = raw(replace(load_of(), promise_pressure=1.1))
    assert (levels["new"], levels["free"], levels["plus"]) == (1.1, 1.1, 0.0)
