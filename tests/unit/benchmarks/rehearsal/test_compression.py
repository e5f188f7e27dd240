"""A service in a hurry: all periods are over one factor, and nothing else is another."""

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest

from autoscaling.replay.arrivals import SIZES
from autoscaling.replay.jobs import STANDARD_DEGREE, seconds_on
from autoscaling.rules import Rules
from benchmarks.rehearsal.compression import (
    LEAST_STEPS,
    compressed,
    policy_values,
    settings_values,
    show_values,
)
from benchmarks.rehearsal.outline import GANGS, NAME, costs_of, true_size
from serve.settings import Settings
from serve.settings.policy import Policy

FACTOR = 30.0
STATED = {
    ("preemption", "least_steps_left"): LEAST_STEPS,
    ("placement", "least_steps_between"): LEAST_STEPS,
    ("placement", "standard_devices"): 1,
}


def test_periods_are_shorter_and_nothing_else_is() -> None:
    values = {"a_s": 60.0, "part": 0.5, "in": {"b_s": 30, "steps": 5, "name_s": "x"}}
    assert compressed(values, 10) == {
        "a_s": 6.0,
        "part": 0.5,
        "in": {"b_s": 3.0, "steps": 5, "name_s": "x"},
    }


def flat(rules: Rules) -> dict[tuple[str, str], Any]:
    plain = {}
    for section in fields(Rules):
        if section.name == "tiers":
            for tier in rules.tiers:
                plain |= {(tier.name, key): value for key, value in asdict(tier).items()}
        else:
            values = asdict(getattr(rules, section.name))
            plain |= {(section.name, key): value for key, value in values.items()}
    return plain


def test_the_rules_are_the_replays_in_a_hurry(tmp_path: Path) -> None:
    values = {"policy": policy_values(FACTOR)}
    settings = Settings.from_values(values)
    hurried, whole = flat(settings.policy.rules(settings.tiers)), flat(Rules())
    for key, value in whole.items():
        wanted = value / FACTOR if key[1].endswith("_s") else value
        assert hurried[key] == pytest.approx(STATED.get(key, wanted)), key


def test_so_are_all_other_periods_of_the_policy() -> None:
    hurried, whole = policy_values(FACTOR), Policy().model_dump(mode="json")
    for key in ("remember_every_s", "told_every_s", "gone_after_s"):
        assert hurried[key] == pytest.approx(whole[key] / FACTOR), key


def test_clips_take_their_time_over_the_factor(tmp_path: Path) -> None:
    values = settings_values(tmp_path, FACTOR)
    for size in SIZES:
        seconds = seconds_on(size.gpu_s, STANDARD_DEGREE) / FACTOR
        costs = costs_of(values, size)
        assert costs.total_s / STANDARD_DEGREE == pytest.approx(seconds, rel=0.035)
        assert costs.encode_s + costs.decode_s < 0.01 * costs.total_s
        assert true_size(values, size, factor=FACTOR).gpu_s == pytest.approx(size.gpu_s, rel=0.035)
    exact = true_size(values, SIZES[0], factor=FACTOR)
    assert exact.gpu_s == pytest.approx(SIZES[0].gpu_s)


def test_its_settings_are_settings(tmp_path: Path) -> None:
    settings = Settings.from_values(settings_values(tmp_path, FACTOR))
    [model] = settings.models
    [gangs] = model.shapes
    assert (model.name, gangs.min, gangs.shape.world) == (NAME, GANGS, STANDARD_DEGREE)
    shown = Settings.from_values(show_values(tmp_path))
    ladder = shown.policy.rules(shown.tiers).tiers
    assert ladder[0].max_promise_s < ladder[2].max_promise_s
