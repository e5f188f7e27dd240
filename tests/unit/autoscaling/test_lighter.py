"""Lighter clips come in more readily, by their own work, and whatever was asked for first."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaling.admission import Variant, decide
from autoscaling.decisions import Admit, Shed
from tests.unit.autoscaling.test_admission import CLIP, FULL, NOW, situation

USUAL_GPU_S = 150.0
FLEXIBLE = replace(CLIP, accepts_lighter=True, usual_gpu_s=USUAL_GPU_S)
GPU_S = st.floats(1.0, 1_000.0)
PARTS = st.floats(0.01, 0.99)


def variant(gpu_s: float) -> Variant:
    return Variant(name="light", gpu_s=gpu_s, standalone_s=gpu_s / 4, allowed=True)


@given(light=GPU_S, more=GPU_S, part=PARTS, account=st.text("abc", max_size=8))
def test_nobody_gains_by_asking_for_more(
    light: float, more: float, part: float, account: str
) -> None:
    """Who asks for the light clip itself gets it if anybody would get it instead of another."""
    sight = situation(part, FULL)
    directly = replace(FLEXIBLE, account_id=account, gpu_s=light)
    instead = replace(directly, gpu_s=light + more, lighter=(variant(light),))
    if isinstance(decide(instead, sight, NOW), Admit):
        assert isinstance(decide(directly, sight, NOW), Admit)


@given(light=GPU_S, part=PARTS, account=st.text("abc", max_size=8))
def test_to_accept_something_lighter_never_costs_anything(
    light: float, part: float, account: str
) -> None:
    sight, firm = situation(part, FULL), replace(CLIP, account_id=account, gpu_s=light)
    flexible = replace(firm, accepts_lighter=True, usual_gpu_s=USUAL_GPU_S)
    if isinstance(decide(firm, sight, NOW), Admit):
        assert isinstance(decide(flexible, sight, NOW), Admit)


@pytest.mark.parametrize("gpu_s", [USUAL_GPU_S, 1_000.0])
def test_what_is_not_lighter_than_usual_is_a_clip_like_others(gpu_s: float) -> None:
    request = replace(FLEXIBLE, gpu_s=4_000.0, lighter=(variant(gpu_s),))
    for hour in range(50):
        at = NOW + 3_600.0 * hour
        like_others = isinstance(decide(CLIP, situation(0.5, FULL), at), Admit)
        assert isinstance(decide(request, situation(0.5, FULL), at), Admit) == like_others


def test_about_as_many_more_come_in_as_there_is_less_work() -> None:
    """At a gate that turns half aside, of those that take two fifths of the usual work."""
    people = [replace(FLEXIBLE, account_id=str(n), gpu_s=60.0) for n in range(4_000)]
    shed = sum(isinstance(decide(one, situation(0.5, FULL), NOW), Shed) for one in people)
    assert shed / len(people) == pytest.approx(0.5 * (0.4 + 0.6 * 0.5), abs=0.03)
    shut = sum(isinstance(decide(one, situation(1.0, FULL), NOW), Shed) for one in people)
    assert shut == len(people), "a shut gate is shut"
