"""What was let in since the Scheduler looked: without it all who ask between two snapshots would be
promised the same time, and together more than there is room for."""

from dataclasses import dataclass, replace
from typing import Final

from autoscaling.admission import Situation
from autoscaling.load import TierLoad

SEEN_AFTER: Final = 2
"""Snapshots: the first that comes after a row was stored may have been made before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """GPU-seconds that a Gateway took on, for a job that waits or for one that is promised."""

    rank: int
    gpu_s: float
    promised: bool


class Since:
    """Of one of several Gateways: each takes the others to have let in as much as it has."""

    def __init__(self, gateways: int) -> None:
        self._gateways = gateways
        self._told: Situation | None = None
        self._taken: list[dict[tuple[int, bool], float]] = [{} for _ in range(SEEN_AFTER)]
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
        key = taken.rank, taken.promised
        for latest in reversed(self._taken):
            if latest.get(key, 0.0) >= taken.gpu_s:
                return self._add(latest, taken, -taken.gpu_s)

    def _add(self, taken: dict[tuple[int, bool], float], what: Taken, gpu_s: float) -> None:
        key = what.rank, what.promised
        taken[key] = max(0.0, taken.get(key, 0.0) + gpu_s)
        self._now = None

    def _added(self, told: Situation) -> Situation:
        if not any(map(any, (each.values() for each in self._taken))):
            return told
        tiers = tuple(self._with(rank, tier) for rank, tier in enumerate(told.load.tiers))
        return replace(told, load=replace(told.load, tiers=tiers))

    def _with(self, rank: int, tier: TierLoad) -> TierLoad:
        waits, promised = (
            self._gateways * sum(each.get((rank, kind), 0.0) for each in self._taken)
            for kind in (False, True)
        )
        if not waits and not promised:
            return tier
        return replace(
            tier,
            backlog_gpu_s=tier.backlog_gpu_s + waits,
            promised_gpu_s=tier.promised_gpu_s + promised,
        )
