"""A clock that is set back loses no time, in one process or the next."""

from autoscaling.steady import LEAST_STEP_S, Steady


def test_it_goes_as_the_clock_does() -> None:
    steady = Steady(100.0)
    assert [steady.at(now) for now in (100.0, 130.0, 9_999.0)] == [100.0, 130.0, 9_999.0]


def test_a_step_back_is_made_up_for() -> None:
    steady = Steady(54_000.0)
    assert steady.at(50_400.0) == 54_000.0
    assert steady.at(50_460.0) == 54_060.0
    assert steady.at(46_860.0) == 54_060.0, "and again"
    assert steady.at(46_861.0) == 54_061.0


def test_news_of_a_moment_ago_is_no_step() -> None:
    steady = Steady(100.0)
    for _ in range(10):
        assert steady.at(100.0 - LEAST_STEP_S) == 100.0
    assert steady.at(101.0) == 101.0


def test_another_process_goes_on_whatever_its_clock_says() -> None:
    behind, ahead = Steady(0.0), Steady(0.0)
    behind.not_before(5_000.0, 1_000.0)
    assert behind.at(1_010.0) == 5_010.0
    ahead.not_before(5_000.0, 6_000.0)
    assert ahead.at(6_010.0) == 6_010.0


def test_after_a_step_back_the_time_without_a_process_still_counts() -> None:
    old, new = Steady(54_000.0), Steady(0.0)
    old.at(50_400.0)
    told, ahead_s = old.at(50_460.0), old.ahead_s
    assert (told, ahead_s) == (54_060.0, 3_600.0)
    new.not_before(told, 51_060.0, ahead_s)
    assert new.at(51_060.0) == told + 600.0
    new.not_before(told, 47_000.0, ahead_s)
    assert new.at(47_010.0) == told + 10.0, "set back once more meanwhile"
