"""What the Scheduler tells operators of the gate, as the policy's memory keeps it under `gate`.

await store.remember(GATE, gate_status(situation, ...).to_values(), epoch, now)    # Scheduler
GateStatus.from_values(await store.recall(GATE))                                   # operator
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from math import isfinite
from typing import Any, Final, Self

from autoscaling.admission import Situation, gate_state
from autoscaling.decisions import GateState
from autoscaling.promises import Wish
from serve.jobs.job import Job, Status

GATE: Final = "gate"
CLOSED: Final = "closed"
SILENT_AFTER_S: Final = 10.0
"""A status that is older comes from a Scheduler that is away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TierCounts:
    """How many of a tier's jobs wait for a gang, run, and are kept for later with a promise."""

    waiting: int = 0
    running: int = 0
    deferred: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TierStatus:
    """One tier's gate. None stands for what has no bound, as while no gang is up."""

    name: str
    gate: str
    """`open`, `deferring` or `shedding`: what most of those find that are turned aside. `closed`
    where an operator lets none in."""
    saturation: float | None
    aside: float
    """The part of its requests that is not let in at once."""
    refused: float | None
    """Of those that were turned aside of late, the part that got no promise; None without any."""
    flips: int
    """How often the gate has moved."""
    waiting: int
    running: int
    deferred: int
    drain_s: float | None
    """Until the work of this tier and of those above is done, if no more came."""
    promised_gpu_s: float
    offered: float | None
    """What it asks for, as a part of what the GPUs can do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateStatus:
    """All gates at `at` (Unix seconds), as the Scheduler with this epoch saw them."""

    at: float
    epoch: int
    gpus: float
    drain_s: float | None
    promise_pressure: float | None
    """The part of what paid jobs leave that is needed to keep all promises."""
    usual_s: float
    """What a usual clip takes on an idle gang of standard size."""
    stretch: float
    """What predictions are multiplied with before they are promised."""
    tiers: tuple[TierStatus, ...]
    """The lowest first."""

    def to_values(self) -> dict[str, Any]:
        """Plain values, fit for JSON."""
        return asdict(self)

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """From plain values; raises `KeyError` if another version of filmgate wrote them."""
        tiers = tuple(TierStatus(**_known(TierStatus, tier)) for tier in values["tiers"])
        return cls(**{**_known(cls, values), "tiers": tiers})

    def silent_s(self, now: float) -> float | None:
        """For how long nobody has written this; None if it is fresh."""
        age_s = now - self.at
        return age_s if age_s > SILENT_AFTER_S else None


def gate_status(
    situation: Situation,
    *,
    flips: Mapping[str, int],
    counts: Mapping[str, TierCounts],
    refused: Mapping[str, float],
    typical: Wish,
    epoch: int,
    now: float,
) -> GateStatus:
    """The status to remember; `flips`, `counts` and `refused` by tier. Where nobody was turned
    aside of late, the usual clip `typical` tells whether there are promises."""
    load, rules = situation.load, situation.rules
    tiers = []
    for rank, tier in enumerate(rules.tiers):
        row = _row(situation, rank, typical, refused.get(tier.name))
        count = counts.get(tier.name, TierCounts())
        tiers.append(replace(row, flips=flips.get(tier.name, 0), **asdict(count)))
    return GateStatus(
        at=now,
        epoch=epoch,
        gpus=load.gpus,
        drain_s=_bounded(load.drain_s()),
        promise_pressure=_bounded(load.promise_pressure),
        usual_s=typical.standalone_s,
        stretch=situation.stretch.factor(rules.promises),
        tiers=tuple(tiers),
    )


def _row(situation: Situation, rank: int, typical: Wish, refused: float | None) -> TierStatus:
    """A tier's row without what is counted elsewhere."""
    load, tiers = situation.load, situation.rules.tiers
    work_gpu_s = load.backlog_gpu_s(range(rank, len(tiers)))
    offered = load.offered(rank)
    return TierStatus(
        name=tiers[rank].name,
        gate=_gate(rank, situation, typical, refused),
        saturation=_bounded(situation.levels[rank]),
        aside=situation.aside[rank],
        refused=refused,
        flips=0,
        waiting=0,
        running=0,
        deferred=0,
        drain_s=_drain_s(work_gpu_s, load.gpus),
        promised_gpu_s=load.tiers[rank].promised_gpu_s,
        offered=_bounded(offered - load.offered(rank + 1) if load.gpus > 0 else offered),
    )


def _gate(rank: int, situation: Situation, typical: Wish, refused: float | None) -> str:
    if situation.switches.least_rate(rank, situation.rules.tiers) <= 0:
        return CLOSED
    state = gate_state(rank, situation, typical)
    if state is GateState.DEFERRING and refused is not None and refused > 0.5:
        return GateState.SHEDDING
    return state


def counts_by_tier(jobs: Iterable[Job]) -> dict[str, TierCounts]:
    """How the live ones among these jobs stand."""
    found: dict[str, list[int]] = {}
    for job in jobs:
        count = found.setdefault(job.tier, [0, 0, 0])
        if job.deferred:
            count[2] += 1
        elif job.status is Status.QUEUED:
            count[0] += 1
        elif job.status is Status.IN_PROGRESS:
            count[1] += 1
    return {
        tier: TierCounts(waiting=waiting, running=running, deferred=deferred)
        for tier, (waiting, running, deferred) in found.items()
    }


def _known(kind: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    return {field.name: values[field.name] for field in fields(kind)}


def _drain_s(work_gpu_s: float, gpus: float) -> float | None:
    if gpus > 0:
        return work_gpu_s / gpus
    return None if work_gpu_s > 0 else 0.0


def _bounded(value: float) -> float | None:
    """JSON has no infinity."""
    return value if isfinite(value) else None
