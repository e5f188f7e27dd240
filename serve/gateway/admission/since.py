"""What was let in since the Scheduler looked: without it all who ask between two snapshots would be
promised the same time, and together more than there is room for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from autoscaling.admission import Situation
from autoscaling.load import Load

SEEN_AFTER: Final = 2
"""Snapshots: the first that comes after a row was stored may have been made before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """GPU-seconds that a Gateway took on, for a job that waits or for one that is promised."""

    model: str
    rank: int
    gpu_s: float
    promised: bool


Key = tuple[str, int, bool]
"""A model, a rank, and whether it is promised for later."""


class Since:
    """Of one of several Gateways: each takes the others to have let in as much as it has."""

    def __init__(self, gateways: int) -> None:
        self._gateways = gateways
        self._told: Situation | None = None
        self._taken: list[dict[Key, float]] = [{} for _ in range(SEEN_AFTER)]
        self._now: Situation | None = None

    def sight(self, told: Situation) -> Situation:
        """The situation with all that it may not know of."""
        if told is not self._told:
            self._told, self._now = told, None
            self._taken = [*self._taken[1:], {}]
        if self._now is None:
            self._now = self._added(told)
        return self._now

    def take(self, taken: Taken) -> None:
        """It is decided so: to be told at once, for the next request is decided from it."""
        self._add(self._taken[-1], taken, taken.gpu_s)

    def take_back(self, taken: Taken) -> None:
        """It came to nothing. What is forgotten already stays so."""
        key = taken.model, taken.rank, taken.promised
        for latest in reversed(self._taken):
            if latest.get(key, 0.0) >= taken.gpu_s:
                return self._add(latest, taken, -taken.gpu_s)

    def _add(self, taken: dict[Key, float], what: Taken, gpu_s: float) -> None:
        key = what.model, what.rank, what.promised
        taken[key] = max(0.0, taken.get(key, 0.0) + gpu_s)
        self._now = None

    def _added(self, told: Situation) -> Situation:
        if not any(map(any, (each.values() for each in self._taken))):
            return told
        models = {name: _with(load, self._of(name)) for name, load in told.models.items()}
        return replace(told, load=_with(told.load, self._of()), models=models)

    def _of(self, wanted: str | None = None) -> dict[tuple[int, bool], float]:
        """What all Gateways took on for a model, or for all."""
        sums: dict[tuple[int, bool], float] = {}
        for latest in self._taken:
            for (model, rank, promised), gpu_s in latest.items():
                if wanted in (None, model):
                    key = rank, promised
                    sums[key] = sums.get(key, 0.0) + self._gateways * gpu_s
        return sums


def _with(load: Load, more: Mapping[tuple[int, bool], float]) -> Load:
    """With so much more to do, by rank and by whether it is promised for later."""
    tiers = list(load.tiers)
    for (rank, promised), gpu_s in more.items():
        tier = tiers[rank]
        if promised:
            tiers[rank] = replace(tier, promised_gpu_s=tier.promised_gpu_s + gpu_s)
        else:
            tiers[rank] = replace(tier, backlog_gpu_s=tier.backlog_gpu_s + gpu_s)
    return replace(load, tiers=tuple(tiers))
