"""How full the cluster is for each tier: drain time, paid waits and offered load, smoothed.

Never GPU utilisation: a GPU that works is near 100 % whether one job waits or a thousand.

A tier sees what stands before it. Paid jobs overtake all others, so only paid work fills the
cluster for them; and a tier looks at what it and the tiers above ask for, so a flood of new users
closes the door for new users.

Worked numbers, 16 GPUs and a target of 300 s: 4,800 GPU-seconds let in are a saturation of 1. Two
clips of 600 GPU-seconds more make it 1.25.
"""

from dataclasses import dataclass
from math import exp
from typing import Final

from autoscaling.load import Load
from autoscaling.tiers import Tiers

LEAST_REST: Final = 0.2
"""However much paid tiers ask for, this part of the GPUs is taken to be left for the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaturationRule:
    """Periods in seconds."""

    drain_target_s: float = 300.0
    smoothing_s: float = 60.0
    surge_floor: float = 0.5
    """The smoothed value is never below this part of the present one: a surge is seen at once."""


def raw_levels(load: Load, tiers: Tiers, drain_target_s: float) -> tuple[float, ...]:
    """The present saturation of each tier, the lowest first; it never rises with the rank.

    Offered load counts once it is more than the GPUs can do: below that they suffice, and over a
    few minutes a handful of long clips looks like a flood.
    """
    ranks = tiers.paid_ranks
    everybody = paid = load.drain_s()
    if load.gpus > 0:
        paid = load.backlog_gpu_s(ranks) / load.gpus
        everybody /= max(LEAST_REST, load.left_by(ranks))
    levels = []
    for rank, tier in enumerate(tiers):
        offered = load.offered(from_rank=rank)
        asked = offered if offered > 1 else 0.0
        if tier.paid:
            levels.append(max(paid / drain_target_s, load.paid_wait, asked))
        else:
            full = everybody / drain_target_s
            levels.append(max(full, load.paid_wait, load.promise_pressure, asked))
    return tuple(levels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saturation:
    """Smoothed levels as of `at`; `levels` are what gates obey."""

    averages: tuple[float, ...]
    levels: tuple[float, ...]
    at: float

    @classmethod
    def idle(cls, num_tiers: int, now: float) -> "Saturation":
        """Before anything was seen."""
        return cls(averages=(0.0,) * num_tiers, levels=(0.0,) * num_tiers, at=now)

    def after(self, raw: tuple[float, ...], now: float, rule: SaturationRule) -> "Saturation":
        """With one more look. A clock that went back counts as one that stood."""
        keep = exp(-max(0.0, now - self.at) / rule.smoothing_s)
        averages = tuple(
            value if value == float("inf") else keep * _finite(old, value) + (1 - keep) * value
            for old, value in zip(self.averages, raw, strict=True)
        )
        levels = tuple(
            max(average, rule.surge_floor * value)
            for average, value in zip(averages, raw, strict=True)
        )
        return Saturation(averages=averages, levels=levels, at=max(now, self.at))


def _finite(old: float, value: float) -> float:
    """After a time without any GPU the average starts anew."""
    return value if old == float("inf") else old
