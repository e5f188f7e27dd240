"""How full the cluster is for each tier: drain time, paid waits and offered load, smoothed.

Never GPU utilisation: a GPU that works is near 100 % whether one job waits or a thousand. Only what
waits for a gang fills the cluster: with running work counted, gates were half closed on calm days.

A tier sees what stands before it. Paid jobs overtake all others, so only paid work fills the
cluster for them; and a tier looks at what it and the tiers above ask for, so a flood of new users
closes the door for new users: as far as it must, before any work has piled up.

Worked numbers, 16 GPUs and a target of 450 s: 7,200 GPU-seconds that wait are a saturation of 1,
or, where paid tiers usually ask for half of the GPUs, of 2 for all others.
"""

from dataclasses import dataclass, replace
from math import exp, isfinite
from typing import Final

from autoscaling.gates import GateRule, level_at
from autoscaling.load import Load
from autoscaling.tiers import Tiers

INFINITY: Final = float("inf")
LEAST_REST: Final = 0.2
"""However much paid tiers ask for, this part of the GPUs is taken to be left for the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaturationRule:
    """Periods in seconds."""

    drain_target_s: float = 450.0
    smoothing_s: float = 60.0
    surge_floor: float = 0.5
    """The smoothed value is never below this part of the present one: a surge is seen at once."""


def raw_levels(
    load: Load, tiers: Tiers, rule: SaturationRule, gates: GateRule
) -> tuple[float, ...]:
    """The present saturation of each tier, the lowest first.

    For paid tiers offered load counts once it is more than the GPUs can do; for the others, as
    the part of their requests that is too much. Paid jobs that wait close the door for the others
    only: a few late ones are no reason to turn paid requests aside.
    """
    ranks = tiers.paid_ranks
    everybody = paid = load.waiting_s() / rule.drain_target_s
    if load.gpus > 0:
        paid = load.waiting_s(ranks) / rule.drain_target_s
        everybody /= max(LEAST_REST, load.left_by(ranks))
    levels = []
    for rank, tier in enumerate(tiers):
        if tier.paid:
            offered = load.offered(from_rank=rank)
            levels.append(max(paid, offered if offered > 1 else 0.0))
        else:
            asked = level_at(excess(load, rank), tier, gates)
            levels.append(max(everybody, load.paid_wait, load.promise_pressure, asked))
    return tuple(levels)


def excess(load: Load, rank: int) -> float:
    """The part of a tier's requests that must be turned aside if all above are let in: of 2.0
    offered, 1.1 of it by new users, they have 1.0 too much, which is 0.91 of theirs."""
    offered = load.offered(from_rank=rank)
    if offered <= 1:
        return 0.0
    own = offered - load.offered(from_rank=rank + 1)
    return min(1.0, (offered - 1) / own) if own > 0 else 1.0


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

    def plain(self, rank: int) -> list[float | None]:
        """A tier's average and level as JSON holds them, which knows no infinity."""
        return [_or_none(values[rank]) for values in (self.averages, self.levels)]

    def with_tier(self, rank: int, plain: list[float | None]) -> "Saturation":
        """With what `plain` gave for a tier."""
        average, level = (INFINITY if value is None else value for value in plain)
        return replace(
            self,
            averages=(*self.averages[:rank], average, *self.averages[rank + 1 :]),
            levels=(*self.levels[:rank], level, *self.levels[rank + 1 :]),
        )


def _or_none(value: float) -> float | None:
    return value if isfinite(value) else None


def _finite(old: float, value: float) -> float:
    """After a time without any GPU the average starts anew."""
    return value if old == float("inf") else old
