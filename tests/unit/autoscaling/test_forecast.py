"""Forecasts: they follow a ramp, ignore a blip, and promise no endless growth."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaling.forecast import ForecastRule, Trend

RULE = ForecastRule()


def seen(values: list[float], every_s: float = 10.0) -> Trend:
    trend = Trend(level=values[0])
    for number, value in enumerate(values[1:], start=1):
        trend = trend.after(value, number * every_s, RULE)
    return trend


def test_what_stays_the_same_is_forecast_to_stay_the_same() -> None:
    assert seen([12.0] * 200).forecast(600.0, RULE) == pytest.approx(12.0)


def test_a_ramp_is_seen_ahead() -> None:
    ramp = [10.0 + number / 10 for number in range(600)]
    present = ramp[-1]
    ahead = seen(ramp).forecast(600.0, RULE)
    assert ahead == pytest.approx(present + 6.0, rel=0.02)


def test_a_blip_is_no_trend() -> None:
    blip = [10.0] * 200 + [40.0] + [10.0] * 5
    assert seen(blip).forecast(300.0, RULE) < 13.0


def test_growth_is_bounded() -> None:
    steep = Trend(level=5.0, slope=1.0)
    assert steep.forecast(3_600.0, RULE) == 10.0
    assert Trend(level=5.0, slope=-1.0).forecast(60.0, RULE) == 0.0


@given(st.lists(st.floats(0, 1e3), min_size=1, max_size=40), st.floats(0, 1e4))
def test_a_forecast_is_never_below_nothing(values: list[float], horizon_s: float) -> None:
    trend = seen(values)
    assert 0 <= trend.forecast(horizon_s, RULE) <= 2 * max(trend.level, 0.0)
    assert trend.after(1.0, trend.at, RULE) == trend
