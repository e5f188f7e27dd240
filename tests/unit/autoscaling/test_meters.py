"""Rates and percentiles over the last minutes."""

import pickle

import pytest

from autoscaling.meters import FINE_BINS, Meter, Percentile


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


def test_memory_is_bounded_whatever_is_reported() -> None:
    meter, seen = Meter(100.0), [(number * 0.002, number % 3 / 2) for number in range(100_000)]
    for now, amount in seen:
        meter.add(amount, now)
    assert len(pickle.dumps(meter)) < 20_000
    since = [now - 100.0 for now in (200.0, 200.0 - 100.0 / FINE_BINS)]
    least, most = (sum(amount for now, amount in seen if now > begin) for begin in since)
    assert least <= 100.0 * meter.rate(200.0) <= most + 1e-6


def test_where_nothing_is_asked_for_nothing_is_kept() -> None:
    meter = Meter(100.0)
    for now in range(90):
        meter.add(0.0, float(now))
    assert meter.plain() == {"began": 0.0, "seen": []}
    meter.add(45.0, 90.0)
    assert meter.rate(90.0) == 0.5


def test_another_process_goes_on_from_it() -> None:
    meter, next_one = Meter(100.0), Meter(100.0)
    for now in range(1_000):
        meter.add(1.0, now / 10)
    next_one.take_up(pickle.loads(pickle.dumps(meter.plain())), 99.9)
    assert next_one.rate(99.9) == meter.rate(99.9)
    next_one.add(20.0, 99.9)
    assert next_one.rate(100.0) == pytest.approx(meter.rate(100.0) + 0.2)
    assert next_one.rate(150.0) == pytest.approx(5.2, abs=0.02)


def test_a_percentile_of_the_last_period() -> None:
    waits = Percentile(100.0, 0.9)
    assert waits.value(0.0) == 0.0
    for number in range(1, 11):
        waits.add(float(number), 0.0)
    assert waits.value(50.0) == 9.0
    waits.add(99.0, 60.0)
    assert waits.value(100.0) == 99.0
    assert waits.value(200.0) == 0.0
