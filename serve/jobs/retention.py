"""What becomes of jobs that are over: clips expire, deleted jobs leave for good."""

from sqlalchemy import delete, select, update

from serve.jobs.database import Engines
from serve.jobs.job import Job, Status
from serve.jobs.rows import to_job
from serve.jobs.tables import idempotency_claims, jobs


class SqlRetention:
    """The part of `serve.jobs.store.Ledger` that clears up."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    async def expire(self, now: float) -> list[Job]:
        """completed -> expired for clips past `expires_at`; returns the jobs just expired.

        Idempotency keys past their time go with them.
        """
        statement = (
            update(jobs)
            .where(
                jobs.c.status == Status.COMPLETED,
                jobs.c.expires_at <= now,
                jobs.c.deleted_at.is_(None),
            )
            .values(status=Status.EXPIRED)
            .returning(jobs)
        )
        expired = await self._engines.change_returning(statement)
        claims = idempotency_claims
        await self._engines.change(delete(claims).where(claims.c.expires_at <= now))
        return [to_job(row) for row in expired]

    async def doomed(self, limit: int) -> list[str]:
        """Ids of deleted jobs whose artifacts may still exist, the longest deleted first."""
        query = (
            select(jobs.c.id)
            .where(jobs.c.deleted_at.is_not(None))
            .order_by(jobs.c.deleted_at)
            .limit(limit)
        )
        return [row["id"] for row in await self._engines.rows(query)]

    async def purge(self, job_id: str) -> None:
        """Remove the row of a deleted job for good (its artifacts are gone)."""
        await self._engines.change(
            delete(jobs).where(jobs.c.id == job_id, jobs.c.deleted_at.is_not(None))
        )
