"""What the service asks of a job store; `sql_store.py` keeps it, in SQLite and in PostgreSQL.

The fence: a scheduler takes an epoch, and each of its writes names the (epoch, attempt) it holds.
A write whose pair is no longer the row's changes nothing and returns False (or None): whoever
loses stops. A cancel or delete is a change of the row, so it too makes later writes lose.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from serve.jobs.claims import Claims
from serve.jobs.job import Failure, Job, Note, Phase, Timings
from serve.jobs.queued import Queued
from serve.jobs.usage import Standing, Usage


class Refusal(Exception):
    """The store does not take a job; nothing of it is stored."""


class QueueFull(Refusal):
    """As many jobs of the tier and of those above are waiting as the settings allow."""


class TooManyJobs(Refusal):
    """The account has as many jobs as it may; `live` are their ids, with what was promised."""

    def __init__(self, live: Mapping[str, float | None]) -> None:
        super().__init__(f"{len(live)} jobs")
        self.live = live


class QuotaSpent(Refusal):
    """The job would take more GPU-seconds than the account has left for today."""

    def __init__(self, committed_gpu_s: float) -> None:
        super().__init__(f"{committed_gpu_s:g} GPU-seconds")
        self.committed_gpu_s = committed_gpu_s


class IdempotencyMismatch(Refusal):
    """This Idempotency-Key was already used by the same account for a different request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What one account may have in the store; None is no limit."""

    live: int | None = None
    """Jobs that wait or run."""
    waiting: int | None = None
    gpu_s: float | None = None
    """GPU-seconds from midnight to midnight UTC."""


NO_LIMITS = Allowance()


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyClaim:
    """A caller's key and the digest of what it asked; remembered for `ttl_s` seconds."""

    key: str
    body_digest: str
    ttl_s: float = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Inserted:
    """The job that the store holds now; `replayed` when an earlier request had already made it."""

    job: Job
    replayed: bool
    left_gpu_s: float | None = None
    """What the account may still take today; None where that is not limited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """Which attempt of which job a writer believes to hold."""

    job_id: str
    epoch: int
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some jobs of a listing and whether there are more."""

    jobs: list[Job]
    has_more: bool


class Submissions(Claims, Protocol):
    """What a Gateway needs: all of it works while no scheduler is there."""

    async def insert(
        self,
        job: Job,
        *,
        max_waiting: int,
        beside: Collection[str] | None = None,
        allowance: Allowance = NO_LIMITS,
        claim: IdempotencyClaim | None = None,
    ) -> Inserted:
        """Store a queued job. Raises a `Refusal`.

        Of the jobs that wait, those of the tiers `beside` count; without them all count.
        """
        ...

    async def foresee(
        self,
        job: Job,
        *,
        max_waiting: int,
        beside: Collection[str] | None = None,
        allowance: Allowance = NO_LIMITS,
        claim: IdempotencyClaim | None = None,
    ) -> Inserted | None:
        """An earlier request's job, None for a new one, or a `Refusal`, as `insert` would find."""
        ...

    async def get(self, job_id: str, account_id: str) -> Job | None:
        """The account's job, or None: foreign and deleted jobs do not exist."""
        ...

    async def page(
        self, account_id: str, *, after: str | None, limit: int, newest_first: bool
    ) -> Page | None:
        """The account's jobs after job `after`; None when `after` is no job of the account."""
        ...

    async def cancel(self, job_id: str, account_id: str, now: float) -> Job | None:
        """End a live job as cancelled; an ended one stays as it is. None when unknown."""
        ...

    async def delete(self, job_id: str, account_id: str, now: float) -> bool:
        """Cancel if live, forget prompt texts and hide the row; False when unknown."""
        ...

    async def usage(self, account_id: str, since: str) -> Sequence[Usage]:
        """What the account used from day `since` on, oldest first; idle days are left out."""
        ...

    async def standing(self, account_id: str, now: float) -> Standing:
        """What the account has in the store, and has used since midnight UTC."""
        ...


class Ledger(Queued, Protocol):
    """What the Scheduler needs; every write of a job is fenced."""

    async def take_epoch(self) -> int:
        """The next scheduler epoch; every older one has lost from here on."""
        ...

    async def holds(self, epoch: int) -> bool:
        """Whether `epoch` is still the newest."""
        ...

    async def fetch(self, job_ids: list[str]) -> list[Job]:
        """The present rows of these jobs, whosoever they are, deleted ones included."""
        ...

    async def adopt(
        self, epoch: int, now: float, *, running: Collection[str] | None = None
    ) -> list[Job]:
        """Put every job in progress under an older epoch back in the queue; returns them.

        Given the jobs that are `running` under `epoch` itself, those that nobody runs too.
        """
        ...

    async def start(
        self, job_id: str, epoch: int, now: float, *, history: tuple[Note, ...] | None = None
    ) -> Job | None:
        """queued -> in_progress under `epoch`, as the next attempt; None if the row moved on.

        Given a `history`, the job has that one from now on.
        """
        ...

    async def advance(
        self, fence: Fence, *, phase: Phase, step: int, now: float, timings: Timings | None = None
    ) -> bool:
        """Record the phase and the finished steps of an attempt, and that it was alive at `now`.

        `timings` is what the job has taken so far, for an attempt that is cut short.
        """
        ...

    async def requeue(
        self,
        fence: Fence,
        *,
        now: float,
        crashed: bool,
        gave_way: bool = False,
        history: tuple[Note, ...] | None = None,
    ) -> bool:
        """in_progress -> queued; `crashed` counts against the job unless it got further.

        `gave_way` counts as a preemption, and the job is suspended until it starts again.
        """
        ...

    async def complete(
        self, fence: Fence, *, now: float, clip_prefix: str, expires_at: float, timings: Timings
    ) -> bool:
        """Publish the clip: one conditional update, so a clip is published once."""
        ...

    async def fail(
        self, fence: Fence, *, now: float, failure: Failure, timings: Timings | None = None
    ) -> bool:
        """End an attempt's job as failed."""
        ...

    async def expire(self, now: float) -> list[Job]:
        """completed -> expired for clips past `expires_at`; returns the jobs just expired."""
        ...

    async def doomed(self, limit: int) -> list[str]:
        """Ids of deleted jobs whose artifacts may still exist."""
        ...

    async def purge(self, job_id: str) -> None:
        """Remove the row of a deleted job for good (its artifacts are gone)."""
        ...

    async def remember(self, name: str, value: Any, epoch: int, now: float) -> bool:
        """Keep a plain value of the policy's under `name`; False if `epoch` is not the newest."""
        ...

    async def recall(self, name: str) -> Any | None:
        """The value that was kept last; None if there is none."""
        ...


class JobStore(Submissions, Ledger, Protocol):
    """Both halves, and the connection's life."""

    async def ping(self) -> None:
        """Raise if the database does not answer."""
        ...

    async def close(self) -> None: ...
