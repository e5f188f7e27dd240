"""A service in a hurry: every period of the policy over one factor, and its parts to match."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from autoscaling.replay.engine import TICK_S
from autoscaling.tiers import DEFAULT_TIERS
from benchmarks.rehearsal.outline import model_values, write_outline
from serve.settings.policy import Policy

PERIOD: Final = "_s"
"""What ends so is a period in seconds."""
FACTOR: Final = 30.0
SHOW_FACTOR: Final = 20.0
SHOW_PROMISE_S: Final = 1_800.0
LEAST_STEPS: Final = 1
"""Of ten steps; the policy's own five are of fifty."""


def compressed(values: Mapping[str, Any], factor: float) -> dict[str, Any]:
    """The same values, with every period over `factor`."""
    return {key: _compressed(key, value, factor) for key, value in values.items()}


def _compressed(key: str, value: Any, factor: float) -> Any:
    if isinstance(value, Mapping):
        return compressed(value, factor)
    if key.endswith(PERIOD) and isinstance(value, int | float):
        return value / factor
    return value


def policy_values(factor: float) -> dict[str, Any]:
    """The default policy in a hurry. What a tier has by default is said here, to be compressed."""
    whole = Policy().model_dump(mode="json")
    whole["tick_s"] = TICK_S
    whole["preemption"]["least_steps_left"] = LEAST_STEPS
    whole["placement"]["least_steps_between"] = LEAST_STEPS
    whole["tiers"] = {
        tier.name: {"max_promise_s": tier.max_promise_s, "least_target_s": tier.least_target_s}
        for tier in DEFAULT_TIERS
    }
    return compressed(whole, factor)


def settings_values(folder: Path, factor: float) -> dict[str, Any]:
    """The settings of a rehearsal, whose model is written into `folder`.

    Leases, scans and checkpoints are about real processes, which nobody makes faster: only what
    would be felt as a wait is shorter.
    """
    write_outline(folder)
    return {
        "models": [model_values(folder, factor=factor)],
        "policy": policy_values(factor) | {"remember_every_s": 0.5, "gone_after_s": 30.0},
        "jobs": {"scan_s": 0.25, "checkpoint_every_s": 2.0, "max_waiting": 10_000},
        "lease": {"period_s": 0.2, "timeout_s": 5.0},
        "accounts": {"promoted_to": None},
        "artifacts": {"min_free_bytes": 0},
    }


def show_values(folder: Path) -> dict[str, Any]:
    """The settings of a rehearsal that somebody watches: promises of half an hour at most,
    which are 90 seconds here, so that new users are shed before the flood gets boring."""
    values = settings_values(folder, SHOW_FACTOR)
    for tier in ("new", "free"):
        values["policy"]["tiers"][tier]["max_promise_s"] = SHOW_PROMISE_S / SHOW_FACTOR
    return values
