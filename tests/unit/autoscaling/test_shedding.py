"""Turning aside: the same accounts for an hour, each as often as the others, none by retrying."""

from hypothesis import given
from hypothesis import strategies as st

from autoscaling.shedding import draw, next_draw_in_s, part_aside

ACCOUNTS = [f"acct_{number}" for number in range(2_000)]
names = st.integers(0, 10**9).map(str)
parts = st.lists(st.floats(0, 1), min_size=2, max_size=6).map(lambda p: sorted(p, reverse=True))


@given(names, st.floats(0, 1e10))
def test_trying_again_in_the_same_hour_gains_nothing(name: str, now: float) -> None:
    assert draw(name, now) == draw(name, now // 3600 * 3600 + 0.5)


@given(names, st.floats(0, 1e10))
def test_an_open_gate_is_below_every_number_and_a_shut_one_above(name: str, now: float) -> None:
    assert 0.0 <= draw(name, now) < 1.0


def test_about_the_part_is_turned_aside_and_each_hour_others() -> None:
    this_hour = {name for name in ACCOUNTS if draw(name, 0.0) < 0.3}
    next_hour = {name for name in ACCOUNTS if draw(name, 3600.0) < 0.3}
    assert 500 < len(this_hour) < 700
    assert 500 < len(next_hour) < 700
    assert 120 < len(this_hour & next_hour) < 240


def test_the_next_draw_is_at_the_full_hour() -> None:
    assert next_draw_in_s(3_600.0) == 3_600.0
    assert next_draw_in_s(7_199.0) == 1.0
    assert draw("a", 7_199.0) != draw("a", 7_200.0)


def test_sessions_go_on_and_lighter_jobs_come_in_more_often() -> None:
    aside = (0.5, 0.0)
    assert part_aside(aside, 0) == 0.5
    assert part_aside(aside, 0, continuing=True) == 0.375
    assert part_aside(aside, 0, lighter=0.5) == 0.375
    assert part_aside((1.0, 0.0), 0, continuing=True, lighter=0.1) == 1.0


@given(parts, st.booleans(), st.floats(0, 1))
def test_nothing_makes_a_lower_tier_overtake(
    aside: list[float], continuing: bool, lighter: float
) -> None:
    for rank in range(len(aside) - 1):
        part = part_aside(aside, rank, continuing=continuing, lighter=lighter)
        assert part >= part_aside(aside, rank + 1)
        assert part >= part_aside(aside, rank + 1, continuing=continuing, lighter=lighter)
        assert part <= aside[rank] or part == aside[rank + 1]


def test_in_a_rehearsal_an_hour_is_as_short_as_it_is_made() -> None:
    assert draw("a", 10.0, rotation_s=60.0) != draw("a", 70.0, rotation_s=60.0)
    assert next_draw_in_s(70.0, rotation_s=60.0) == 50.0
