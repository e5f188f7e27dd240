"""So many requests a minute, whoever asks, and nothing remembered of those who are gone."""

from hypothesis import given
from hypothesis import strategies as st

from serve.gateway.admission.pace import Pace


def test_a_minutes_requests_at_once_and_then_at_their_pace() -> None:
    pace = Pace()
    turns = [pace.turn("ann", 3, 100.0) for _ in range(4)]
    assert [turn.wait_s for turn in turns] == [0.0, 0.0, 0.0, 20.0]
    assert [turn.remaining for turn in turns] == [2, 1, 0, 0]
    assert [turn.reset_s for turn in turns] == [20.0, 40.0, 60.0, 60.0]
    assert pace.turn("ann", 3, 119.0).wait_s > 0
    assert pace.turn("ann", 3, 120.0).wait_s == 0.0


def test_everybody_for_himself() -> None:
    pace = Pace()
    assert pace.turn("ann", 1, 100.0).wait_s == 0.0
    assert pace.turn("ann", 1, 100.0).wait_s == 60.0
    assert pace.turn("bob", 1, 100.0).wait_s == 0.0


def test_some_at_once_and_then_at_a_slower_pace() -> None:
    pace = Pace()
    turns = [pace.turn("ann", 1, 100.0, at_once=3) for _ in range(4)]
    assert [turn.wait_s for turn in turns] == [0.0, 0.0, 0.0, 60.0]
    assert pace.turn("ann", 1, 130.0, at_once=3).wait_s == 30.0
    assert pace.turn("ann", 1, 160.0, at_once=3).wait_s == 0.0
    assert pace.turn("bob", 1, 230.0, at_once=3).wait_s == 0.0
    assert pace.turn("ann", 1, 230.0, at_once=3).remaining == 0, "remembered until it is full"


def test_each_gateway_has_its_share() -> None:
    turns = [Pace(gateways=2).turn("ann", 5, 0.0), Pace(gateways=9).turn("ann", 5, 0.0)]
    assert [turn.limit for turn in turns] == [3, 1]


def test_a_clock_that_goes_back_gives_nothing_and_takes_nothing() -> None:
    pace = Pace()
    pace.turn("ann", 2, 1_000.0)
    assert pace.turn("ann", 2, 500.0).wait_s == 0.0
    assert pace.turn("ann", 2, 500.0).wait_s == 30.0


def test_a_limit_that_changes_holds_at_once() -> None:
    pace = Pace()
    pace.turn("ann", 60, 0.0)
    assert pace.turn("ann", 2, 0.0).remaining == 1


def test_who_is_gone_is_forgotten() -> None:
    pace = Pace()
    for second in range(500):
        pace.turn(f"visitor {second}", 10, float(second))
    assert len(pace._buckets) <= 121


@given(st.integers(1, 50), st.lists(st.floats(0, 30), max_size=200))
def test_no_minute_has_more_than_two_minutes_worth(limit: int, gaps: list[float]) -> None:
    """A full bucket, and what flows in while it is emptied."""
    pace, now, taken = Pace(), 0.0, []
    for gap in gaps:
        now += gap
        if not pace.turn("ann", limit, now).wait_s:
            taken.append(now)
    for begin in taken:
        assert sum(begin <= moment < begin + 60.0 for moment in taken) <= 2 * limit


def test_what_is_given_back_may_be_taken_again() -> None:
    pace = Pace()
    pace.turn("ann", 1, 100.0)
    pace.give_back("ann")
    pace.give_back("bob")
    assert pace.turn("ann", 1, 100.0).wait_s == 0.0
    pace.give_back("ann")
    pace.give_back("ann")
    turns = [pace.turn("ann", 1, 100.0) for _ in range(2)]
    assert [turn.wait_s for turn in turns] == [0.0, 60.0], "never more than the limit"
