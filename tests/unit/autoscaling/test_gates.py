"""Gates: they close by degrees, do not flap, and never favour a lower tier."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaling.gates import Gate, GateRule, Gates, Switches, fail_safe, level_at, reopens_at
from autoscaling.tiers import DEFAULT_TIERS
from tests.unit.autoscaling.loads import NUM_TIERS, RANKS

RULE = GateRule()
NEW = DEFAULT_TIERS[0]
QUIET = (0.0,) * NUM_TIERS


def levels(value: float) -> tuple[float, ...]:
    return (value,) * NUM_TIERS


def test_all_are_open_to_begin_with() -> None:
    assert Gates.open(NUM_TIERS).aside == QUIET


def test_a_gate_opens_lower_than_it_closes() -> None:
    assert reopens_at(NEW, RULE) == pytest.approx(0.4)
    closed = Gate().after(0.81, NEW, 0.0, RULE)
    assert closed.closed
    assert closed.after(0.41, NEW, 1e3, RULE).closed
    assert not closed.after(0.39, NEW, 1e3, RULE).closed
    assert not Gate().after(0.8, NEW, 0.0, RULE).closed


def test_it_stays_as_it_is_for_a_while() -> None:
    closed = Gate().after(2.0, NEW, 1_000.0, RULE)
    assert closed.after(0.0, NEW, 1_119.0, RULE).closed
    assert not closed.after(0.0, NEW, 1_120.0, RULE).closed


def test_the_part_turned_aside_grows_with_the_load() -> None:
    closed = Gate(closed=True)
    parts = [closed.part_aside(level, NEW, RULE) for level in (0.4, 0.8, 1.0, 1.2, 9.0)]
    assert parts == pytest.approx([0.0, 0.5, 0.75, 1.0, 1.0])
    assert Gate().part_aside(9.0, NEW, RULE) == 0.0


def test_a_part_has_its_level() -> None:
    closed = Gate(closed=True)
    for part in (0.25, 0.5, 1.0):
        assert closed.part_aside(level_at(part, NEW, RULE), NEW, RULE) == pytest.approx(part)
    assert level_at(0.0, NEW, RULE) == 0.0


def test_lower_tiers_close_first_and_paid_ones_last() -> None:
    gates = Gates.open(NUM_TIERS).after(levels(1.2), DEFAULT_TIERS, 0.0, RULE)
    assert gates.aside[RANKS["new"]] == 1.0
    assert 0 < gates.aside[RANKS["free"]] < 1
    assert gates.aside[RANKS["plus"]] == 0.0


def test_flips_are_counted() -> None:
    gates = Gates.open(NUM_TIERS)
    for now, level in enumerate((0.9, 0.0, 0.9, 0.9)):
        gates = gates.after(levels(level), DEFAULT_TIERS, 1e3 * now, RULE)
    assert gates.flips[RANKS["new"]] == 3
    assert gates.flips[RANKS["pro"]] == 0


def test_an_operator_lets_in_a_part_or_none() -> None:
    half = Gates.open(NUM_TIERS).after(
        QUIET, DEFAULT_TIERS, 0.0, RULE, Switches(rates={"new": 0.5})
    )
    assert half.aside[:2] == (0.5, 0.0)
    assert not half.gates[0].closed


def test_closing_a_tier_closes_those_below() -> None:
    closed = Gates.open(NUM_TIERS).after(
        QUIET, DEFAULT_TIERS, 0.0, RULE, Switches(rates={"plus": 0.0})
    )
    assert closed.aside == (1.0, 1.0, 1.0, 0.0, 0.0, 0.0)


def test_a_drain_closes_all_tiers_whatever_their_own_switches_say() -> None:
    drained = Gates.open(NUM_TIERS).after(
        QUIET, DEFAULT_TIERS, 0.0, RULE, Switches(rates={"new": 0.5}, everybody=0.0)
    )
    assert drained.aside == (1.0,) * NUM_TIERS


def test_what_holds_a_tier_back_holds_those_below_back() -> None:
    switches = Switches(rates={"plus": 0.2, "free": 0.5})
    rates = [switches.least_rate(rank, DEFAULT_TIERS) for rank in range(4)]
    assert rates == [0.2, 0.2, 0.2, 1.0]


def test_without_a_snapshot_paid_go_on() -> None:
    assert fail_safe(DEFAULT_TIERS) == (1.0, 1.0, 0.0, 0.0, 0.0, 0.0)


looks = st.lists(st.tuples(st.lists(st.floats(0, 9), min_size=6, max_size=6), st.floats(0, 400)))
rates = st.dictionaries(st.sampled_from(list(RANKS)), st.floats(0, 1), max_size=3)


@given(looks, rates)
def test_no_tier_is_ever_let_in_more_freely_than_the_one_above(
    looks: list[tuple[list[float], float]], rates: dict[str, float]
) -> None:
    gates, now = Gates.open(NUM_TIERS), 0.0
    for level, pause_s in looks:
        now += pause_s
        gates = gates.after(level, DEFAULT_TIERS, now, RULE, Switches(rates=rates))
        assert list(gates.aside) == sorted(gates.aside, reverse=True)
        assert all(0 <= part <= 1 for part in gates.aside)


@given(looks)
def test_gates_move_at_most_once_a_dwell(looks: list[tuple[list[float], float]]) -> None:
    gates, now = Gates.open(NUM_TIERS), 0.0
    moved_at: list[list[float]] = [[] for _ in range(NUM_TIERS)]
    for level, pause_s in looks:
        now += pause_s
        after = gates.after(level, DEFAULT_TIERS, now, RULE)
        for rank in range(NUM_TIERS):
            if after.flips[rank] > gates.flips[rank]:
                moved_at[rank].append(now)
        gates = after
    for times in moved_at:
        assert all(b - a >= RULE.dwell_s for a, b in pairwise(times))


@given(st.floats(0, 9), st.floats(0, 9))
def test_more_load_never_turns_fewer_aside(one: float, other: float) -> None:
    closed = Gates(gates=(Gate(closed=True),) * NUM_TIERS, aside=QUIET, flips=(0,) * NUM_TIERS)
    low, high = (
        closed.after(levels(level), DEFAULT_TIERS, 0.0, GateRule(dwell_s=1e9, hysteresis=0.5))
        for level in sorted((one, other))
    )
    assert all(a <= b for a, b in zip(low.aside, high.aside, strict=True))
