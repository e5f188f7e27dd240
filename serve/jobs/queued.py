"""What the Scheduler asks of the queue; `sql_queue.py` has the answers."""

from dataclasses import dataclass
from typing import Protocol

from serve.jobs.job import Job, Note


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueMark:
    """A queued job; nothing else of a row changes while these stay as they are."""

    job_id: str
    attempt: int
    deferred: bool


class Queued(Protocol):
    """The part of `serve.jobs.store.Ledger` that is about jobs nobody runs."""

    async def waiting(self) -> list[Job]:
        """All queued jobs that wait for a gang, oldest first."""
        ...

    async def owed(self) -> list[Job]:
        """All queued jobs that were promised and not released yet, the earliest promise first."""
        ...

    async def queued(self) -> list[QueueMark]:
        """All queued jobs, as little as tells whether what is known of them still holds."""
        ...

    async def release(self, job: Job, epoch: int, now: float, note: Note) -> Job | None:
        """A deferred job waits for a gang from now on; None if the row moved on."""
        ...
