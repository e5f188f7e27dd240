"""What filmgate is compared with: one queue, one order, and a rule for who may join it."""

import heapq
from collections.abc import Callable
from typing import Final, Protocol

from autoscaling.decisions import Admit, Decision, Reason, Shed
from autoscaling.replay.cluster import Cluster, Gang
from autoscaling.replay.jobs import STANDARD_DEGREE, SimJob, seconds_on

Key = Callable[[SimJob], tuple[float, ...]]
GPUS: Final = 16
"""Of every scenario."""
NOT_NOW: Final = Shed(reason=Reason.BUSY, retry_after_s=30.0)


def by_arrival(job: SimJob) -> tuple[float, ...]:
    return (job.arrived_at, job.number)


def by_tier(job: SimJob) -> tuple[float, ...]:
    return (-job.rank, job.arrived_at, job.number)


def by_deadline(job: SimJob) -> tuple[float, ...]:
    return (job.deadline, job.number)


class Limit(Protocol):
    """Who may join the queue, and what that rule learns from how long jobs took."""

    def lets_in(self, job: SimJob, waiting: list[int], running: int, now: float) -> bool:
        """`waiting` counts by rank."""

    def started(self, job: SimJob, now: float) -> None:
        """A job leaves the queue."""

    def ended(self, job: SimJob, now: float) -> None:
        """A clip is there."""


class NoLimit:
    """Everybody joins."""

    def lets_in(self, job: SimJob, waiting: list[int], running: int, now: float) -> bool:
        return True

    def started(self, job: SimJob, now: float) -> None:
        pass

    def ended(self, job: SimJob, now: float) -> None:
        pass


class QueueCap(NoLimit):
    """Ray Serve's `max_queued_requests`: so many wait, whoever they are; or so many of a tier."""

    def __init__(self, most: int, *, per_tier: bool = False) -> None:
        self._most = most
        self._per_tier = per_tier

    def lets_in(self, job: SimJob, waiting: list[int], running: int, now: float) -> bool:
        return (waiting[job.rank] if self._per_tier else sum(waiting)) < self._most


class InFlight(NoLimit):
    """So many wait or run."""

    def __init__(self, most: int) -> None:
        self._most = most

    def lets_in(self, job: SimJob, waiting: list[int], running: int, now: float) -> bool:
        return sum(waiting) + running < self._most


class Gradient2(NoLimit):
    """Netflix's gradient2: the in-flight limit follows how the last latency compares with those
    of long ago: limit * clamp(tolerance * long / short, 0.5, 1) + queue."""

    def __init__(self, tolerance: float = 1.5, queue: float = 4.0) -> None:
        self._tolerance = tolerance
        self._queue = queue
        self._limit = 20.0
        self._long: float | None = None

    def lets_in(self, job: SimJob, waiting: list[int], running: int, now: float) -> bool:
        return sum(waiting) + running < self._limit

    def ended(self, job: SimJob, now: float) -> None:
        """Latencies are compared by a clip's standalone time, as clips differ tenfold."""
        short = (now - job.arrived_at) / job.standalone_s
        self._long = short if self._long is None else self._long + (short - self._long) / 100
        if self._long > 2 * short:
            self._long *= 0.95
        gradient = min(1.0, max(0.5, self._tolerance * self._long / short))
        wanted = self._limit * gradient + self._queue
        self._limit = min(200.0, max(4.0, 0.8 * self._limit + 0.2 * wanted))


class Baseline:
    """A queue in the order of `key`, on gangs of one size, nobody ever gives way."""

    def __init__(
        self,
        key: Key,
        limit: Limit,
        *,
        degree: int = STANDARD_DEGREE,
        drops_hopeless: bool = False,
    ) -> None:
        self.degrees = (degree,) * (GPUS // degree)
        self._degree = degree
        self._key = key
        self._limit = limit
        self._drops = drops_hopeless
        self._queue: list[tuple[tuple[float, ...], SimJob]] = []
        self._waiting = [0] * 16
        self._dropped: list[SimJob] = []

    def arrives(self, job: SimJob, cluster: Cluster) -> Decision:
        running = sum(1 for _ in cluster.running())
        if not self._limit.lets_in(job, self._waiting, running, cluster.now):
            return NOT_NOW
        self.again(job, cluster)
        return Admit(reason=Reason.OPEN)

    def next(self, cluster: Cluster) -> tuple[SimJob, Gang] | None:
        while self._queue:
            _, job = heapq.heappop(self._queue)
            self._waiting[job.rank] -= 1
            takes_s = seconds_on(job.true_gpu_s * (1 - job.done), self._degree)
            if self._drops and cluster.now + takes_s > job.deadline:
                self._dropped.append(job)
                continue
            self._limit.started(job, cluster.now)
            return job, cluster.free_gang(self._degree)
        return None

    def gives_way(self, cluster: Cluster) -> Gang | None:
        return None

    def moves(self, cluster: Cluster) -> Gang | None:
        return None

    def again(self, job: SimJob, cluster: Cluster) -> None:
        heapq.heappush(self._queue, (self._key(job), job))
        self._waiting[job.rank] += 1

    def ended(self, job: SimJob, cluster: Cluster) -> None:
        self._limit.ended(job, cluster.now)

    def tick(self, cluster: Cluster) -> list[SimJob]:
        dropped, self._dropped = self._dropped, []
        return dropped

    def flips(self) -> dict[str, int]:
        return {}
