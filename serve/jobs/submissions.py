"""The Gateway's half of the job store: take a job in, show it, cancel it, forget it."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Select, case, delete, func, insert, select, tuple_, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from serve.jobs.allowance import check_allowance
from serve.jobs.charges import run_s_until
from serve.jobs.database import Engines
from serve.jobs.job import LIVE, Job, Status
from serve.jobs.rows import ERASED_PROMPTS, to_job, to_row
from serve.jobs.sql_claims import find_claimed, store_claim
from serve.jobs.sql_usage import record_of
from serve.jobs.store import (
    NO_LIMITS,
    Allowance,
    IdempotencyClaim,
    Inserted,
    Page,
    QueueFull,
)
from serve.jobs.tables import DEFERRED, counters, idempotency_claims, jobs


class SqlSubmissions:
    """`serve.jobs.store.Submissions` in SQL."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

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

        Of the jobs that wait, those of the tiers `beside` count: none of a lower tier than the
        job's takes its place. Without them all jobs count.
        A request whose key is known is answered with its job even when there is no room for
        another. Deleting a job forgets its key: the same request then makes a new job.
        """

        async def take_in(connection: AsyncConnection) -> Inserted:
            await connection.execute(_lock_queue())
            if earlier := await _earlier(connection, job, claim):
                return earlier
            left_gpu_s = await check_allowance(connection, job, allowance)
            if not job.deferred:
                await _check_room(connection, max_waiting, beside)
            await connection.execute(insert(jobs).values(to_row(job)))
            if claim:
                await store_claim(connection, job, claim)
            return Inserted(job=job, replayed=False, left_gpu_s=left_gpu_s)

        return await self._engines.transact(take_in)

    async def foresee(
        self,
        job: Job,
        *,
        max_waiting: int,
        beside: Collection[str] | None = None,
        allowance: Allowance = NO_LIMITS,
        claim: IdempotencyClaim | None = None,
    ) -> Inserted | None:
        """What `insert` would find if it were called now: the job of an earlier request, or None
        for a new one. Raises a `Refusal`. Nothing is stored."""

        async def look(connection: AsyncConnection) -> Inserted | None:
            if earlier := await _earlier(connection, job, claim):
                return earlier
            await check_allowance(connection, job, allowance)
            if not job.deferred:
                await _check_room(connection, max_waiting, beside)
            return None

        return await self._engines.read(look)

    async def get(self, job_id: str, account_id: str) -> Job | None:
        """The account's job, or None: foreign and deleted jobs do not exist."""
        row = await self._row(job_id, account_id)
        return to_job(row) if row is not None and row["deleted_at"] is None else None

    async def page(
        self, account_id: str, *, after: str | None, limit: int, newest_first: bool
    ) -> Page | None:
        """The account's jobs after job `after`; None when `after` is no job of the account.

        A deleted job serves as `after` until it is purged, so that a client may delete what it has
        just listed and read on.
        """
        place = tuple_(jobs.c.created_at, jobs.c.id)
        query = select(jobs).where(jobs.c.account_id == account_id, jobs.c.deleted_at.is_(None))
        if after is not None:
            cursor = await self._row(after, account_id)
            if cursor is None:
                return None
            there = tuple_(cursor["created_at"], cursor["id"])
            query = query.where(place < there if newest_first else place > there)
        columns = (jobs.c.created_at, jobs.c.id)
        order = [column.desc() for column in columns] if newest_first else list(columns)
        rows = await self._engines.rows(query.order_by(*order).limit(limit + 1))
        return Page(jobs=[to_job(row) for row in rows[:limit]], has_more=len(rows) > limit)

    async def cancel(self, job_id: str, account_id: str, now: float) -> Job | None:
        """End a live job as cancelled; an ended one stays as it is. None when unknown."""
        if not _storable(job_id):
            return None
        statement = (
            update(jobs)
            .where(
                jobs.c.id == job_id,
                jobs.c.account_id == account_id,
                jobs.c.status.in_(LIVE),
                jobs.c.deleted_at.is_(None),
            )
            .values(status=Status.CANCELLED, phase=None, completed_at=now, run_s=run_s_until(now))
            .returning(jobs)
        )

        async def end(connection: AsyncConnection) -> RowMapping | None:
            row: RowMapping | None = (await connection.execute(statement)).mappings().one_or_none()
            if row is not None:
                await connection.execute(record_of(job_id, now))
            return row

        cancelled = await self._engines.transact(end)
        return to_job(cancelled) if cancelled else await self.get(job_id, account_id)

    async def delete(self, job_id: str, account_id: str, now: float) -> bool:
        """Cancel if live, forget prompt texts and hide the row; False when unknown."""
        if not _storable(job_id):
            return False
        live = jobs.c.status.in_(LIVE)
        hide = (
            update(jobs)
            .where(
                jobs.c.id == job_id,
                jobs.c.account_id == account_id,
                jobs.c.deleted_at.is_(None),
            )
            .values(
                status=case((live, Status.CANCELLED), else_=jobs.c.status),
                completed_at=case((live, now), else_=jobs.c.completed_at),
                run_s=run_s_until(now),
                phase=None,
                prompts=ERASED_PROMPTS,
                deleted_at=now,
            )
        )

        async def forget(connection: AsyncConnection) -> bool:
            hidden = (await connection.execute(hide)).rowcount == 1
            if hidden:
                claims = idempotency_claims
                await connection.execute(delete(claims).where(claims.c.job_id == job_id))
                await connection.execute(record_of(job_id, now))
            return hidden

        return await self._engines.transact(forget)

    async def _row(self, job_id: str, account_id: str) -> RowMapping | None:
        if not _storable(job_id):
            return None
        rows = await self._engines.rows(
            select(jobs).where(jobs.c.id == job_id, jobs.c.account_id == account_id)
        )
        return rows[0] if rows else None


def _storable(job_id: str) -> bool:
    """Whether a client's id can be asked for at all: NUL or a surrogate is an error in a driver."""
    return job_id.isascii() and job_id.isprintable()


def _lock_queue() -> Select[Any]:
    return select(counters.c.value).where(counters.c.name == "queue").with_for_update()


async def _earlier(
    connection: AsyncConnection, job: Job, claim: IdempotencyClaim | None
) -> Inserted | None:
    """The job that an earlier request with the same key has made."""
    earlier = await find_claimed(connection, job, claim) if claim else None
    return Inserted(job=earlier, replayed=True) if earlier else None


async def _check_room(
    connection: AsyncConnection, max_waiting: int, beside: Collection[str] | None
) -> None:
    """Deferred jobs take no place in the queue: how much is promised is the policy's business."""
    waiting = select(func.count()).where(jobs.c.status == Status.QUEUED, ~DEFERRED)
    if beside is not None:
        waiting = waiting.where(jobs.c.tier.in_(beside))
    if (await connection.scalar(waiting) or 0) >= max_waiting:
        raise QueueFull(f"{max_waiting} jobs are waiting already")
