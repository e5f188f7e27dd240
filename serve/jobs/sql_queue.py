"""Queued jobs in SQL: those that wait for a gang, and those that are kept for later."""

from sqlalchemy import ScalarSelect, select, update

from serve.jobs.database import Engines
from serve.jobs.job import Job, Note, Status, noted
from serve.jobs.queued import QueueMark
from serve.jobs.rows import history_values, to_job
from serve.jobs.tables import DEFERRED, counters, jobs


class SqlQueue:
    """`serve.jobs.queued.Queued` in SQL."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    async def waiting(self) -> list[Job]:
        """All queued jobs that wait for a gang, oldest first."""
        query = (
            select(jobs)
            .where(jobs.c.status == Status.QUEUED, ~DEFERRED)
            .order_by(jobs.c.created_at, jobs.c.id)
        )
        return [to_job(row) for row in await self._engines.rows(query)]

    async def owed(self) -> list[Job]:
        """All queued jobs that were promised and not released yet, the earliest promise first."""
        query = (
            select(jobs)
            .where(jobs.c.status == Status.QUEUED, DEFERRED)
            .order_by(jobs.c.promised_by, jobs.c.id)
        )
        return [to_job(row) for row in await self._engines.rows(query)]

    async def queued(self) -> list[QueueMark]:
        """All queued jobs, as little as tells whether what is known of them still holds."""
        query = select(jobs.c.id, jobs.c.attempt, DEFERRED.label("deferred")).where(
            jobs.c.status == Status.QUEUED
        )
        return [
            QueueMark(job_id=row["id"], attempt=row["attempt"], deferred=bool(row["deferred"]))
            for row in await self._engines.rows(query)
        ]

    async def release(self, job: Job, epoch: int, now: float, note: Note) -> Job | None:
        """A deferred job waits for a gang from now on; None if the row moved on."""
        statement = (
            update(jobs)
            .where(
                jobs.c.id == job.id,
                jobs.c.status == Status.QUEUED,
                DEFERRED,
                newest_epoch() == epoch,
            )
            .values(released_at=now, history=history_values(noted(job.history, note)))
            .returning(jobs)
        )
        rows = await self._engines.change_returning(statement)
        return to_job(rows[0]) if rows else None


def newest_epoch() -> ScalarSelect[int]:
    """The newest epoch, read under a shared lock.

    So a new scheduler gets its epoch before the write (which then fails) or after it (and then
    finds what was written, as when it adopts jobs).
    """
    return (
        select(counters.c.value)
        .where(counters.c.name == "epoch")
        .with_for_update(read=True)
        .scalar_subquery()
    )
