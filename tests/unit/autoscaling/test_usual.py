"""The usual clip follows what is asked for."""

import pytest

from autoscaling.usual import UsualClip


def test_it_follows_what_is_asked_for() -> None:
    usual = UsualClip(gpu_s=100.0)
    for _ in range(70):
        usual = usual.asked(200.0)
    assert usual.gpu_s == pytest.approx(150.0, abs=1.0)
    assert usual.asked(20_000.0, requests=1_000).gpu_s == pytest.approx(20.0, abs=0.1)


def test_many_at_once_are_as_many_one_by_one() -> None:
    one_by_one = UsualClip(gpu_s=100.0)
    for _ in range(12):
        one_by_one = one_by_one.asked(30.0)
    assert UsualClip(gpu_s=100.0).asked(360.0, requests=12).gpu_s == pytest.approx(one_by_one.gpu_s)
    assert one_by_one.asked(0.0, requests=0) is one_by_one


def test_it_asks_for_a_promise_as_a_clip_would() -> None:
    wish = UsualClip(gpu_s=120.0).wish(standard_devices=4)
    assert (wish.gpu_s, wish.standalone_s) == (120.0, 30.0)
