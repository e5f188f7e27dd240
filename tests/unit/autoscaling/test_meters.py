"""Rates and percentiles over the last minutes."""

import pytest

from autoscaling.meters import Meter, Percentile


def test_a_rate_is_of_the_last_period() -> None:
    meter = Meter(100.0)
    for now in range(0, 300, 10):
        meter.add(20.0, float(now))
    assert meter.rate(290.0) == pytest.approx(2.0)
    assert meter.rate(340.0) == pytest.approx(1.0)
    assert meter.rate(500.0) == 0.0


def test_the_first_request_is_no_flood() -> None:
    meter = Meter(100.0)
    assert meter.rate(0.0) == 0.0
    meter.add(50.0, 5.0)
    assert meter.rate(5.0) == 5.0
    assert meter.rate(55.0) == 1.0


def test_a_percentile_of_the_last_period() -> None:
    waits = Percentile(100.0, 0.9)
    assert waits.value(0.0) == 0.0
    for number in range(1, 11):
        waits.add(float(number), 0.0)
    assert waits.value(50.0) == 9.0
    waits.add(99.0, 60.0)
    assert waits.value(100.0) == 99.0
    assert waits.value(200.0) == 0.0
