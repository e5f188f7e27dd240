"""Measuring the queue as it stands: who waits, for how long, who runs, what is late."""

from collections import Counter as Tally
from collections.abc import Collection, Iterable
from typing import Protocol

from prometheus_client import CollectorRegistry

from autoscaling.ordering import Waiting
from serve.telemetry.catalogue import gate, jobs
from serve.telemetry.gauges import Levels


class Job(Protocol):
    """What measuring reads of a job; times are Unix seconds."""

    @property
    def id(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def tier(self) -> str: ...
    @property
    def phase(self) -> str | None: ...
    @property
    def created_at(self) -> float: ...
    @property
    def released_at(self) -> float | None: ...
    @property
    def suspended_at(self) -> float | None: ...
    @property
    def promised_by(self) -> float | None: ...


class QueueMetrics:
    """Recorders over the registry of `Metrics`; tiers as the settings order them."""

    def __init__(self, registry: CollectorRegistry, tiers: Collection[str]) -> None:
        self._tiers = tuple(tiers)
        self._waiting = Levels(jobs.WAITING, registry)
        self._backlog = Levels(jobs.BACKLOG, registry)
        self._held_back = Levels(jobs.HELD_BACK, registry)
        self._late = Levels(jobs.LATE, registry)
        self._suspended = Levels(jobs.SUSPENDED, registry)
        self._oldest = Levels(jobs.OLDEST_WAIT, registry)
        self._deferred = Levels(jobs.DEFERRED, registry)
        self._running = Levels(jobs.RUNNING, registry)
        self._overdue = Levels(gate.PROMISES_OVERDUE, registry)

    def ordered(self, waiting: Iterable[Waiting], now: float) -> None:
        """All jobs that wait for a gang, as the policy sees them."""
        counts: Tally[tuple[str, ...]] = Tally()
        late: Tally[tuple[str, ...]] = Tally()
        gpu_s: dict[tuple[str, ...], float] = {}
        for job in waiting:
            labels = (job.model, self._tier_of_rank(job.tier_rank))
            counts[labels] += 1
            late[labels] += now + job.standalone_s > job.deadline
            gpu_s[labels] = gpu_s.get(labels, 0.0) + job.predicted_gpu_s
        self._waiting.show(counts)
        self._late.show(late)
        self._backlog.show(gpu_s)

    def standing(
        self,
        *,
        waiting: Collection[Job],
        held_back: Collection[Job],
        deferred: Collection[Job],
        running: Collection[Job],
        now: float,
    ) -> None:
        """All jobs that have not ended; `held_back` wait for others of their own account."""
        oldest: dict[tuple[str, ...], float] = {}
        for job in waiting:
            labels = (job.model, self._tier(job.tier))
            since = job.suspended_at or job.released_at or job.created_at
            oldest[labels] = max(oldest.get(labels, 0.0), now - since)
        gave_way = (job for job in waiting if job.suspended_at is not None)
        live = (*waiting, *held_back, *deferred, *running)
        overdue = (job for job in live if job.promised_by is not None and job.promised_by < now)
        self._oldest.show(oldest)
        self._held_back.show(Tally((job.model, self._tier(job.tier)) for job in held_back))
        self._suspended.show(Tally((job.model, self._tier(job.tier)) for job in gave_way))
        self._deferred.show(Tally((self._tier(job.tier),) for job in deferred))
        self._running.show(Tally((job.model, str(job.phase or "starting")) for job in running))
        late = Tally(self._tier(job.tier) for job in overdue)
        self._overdue.show({(tier,): late[tier] for tier in (*self._tiers, *late)})

    def _tier(self, tier: str) -> str:
        """The tier, or `other` for one that the settings no longer have."""
        return tier if tier in self._tiers else "other"

    def _tier_of_rank(self, rank: int) -> str:
        return self._tiers[rank] if 0 <= rank < len(self._tiers) else "other"
