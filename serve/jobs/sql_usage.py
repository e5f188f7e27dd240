"""What jobs took and cost, in SQL: written with the end of each job, kept when it is deleted."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Insert, Select, case, exists, func, insert, literal, select
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from serve.jobs.database import Engines
from serve.jobs.job import ENDED, LIVE, Status
from serve.jobs.tables import jobs, usage
from serve.jobs.usage import Standing, Usage, day_of

COLUMNS = ("job_id", "account_id", "day", "model", "clips", "gpu_s", "price")


def record_of(job_id: str, now: float) -> Insert:
    """The usage of a job that ended at `now`, for the same transaction; nothing for any other.

    A failed job costs no money; what it took is counted all the same.
    """
    gpu_s = func.coalesce(jobs.c.timings["gpu_s"].as_float(), 0.0)
    price = gpu_s * func.coalesce(jobs.c.price_per_gpu_s, 0.0)
    facts = select(
        jobs.c.id,
        jobs.c.account_id,
        literal(day_of(now)),
        jobs.c.model,
        case((jobs.c.status == Status.COMPLETED, 1), else_=0),
        gpu_s,
        case((jobs.c.status == Status.FAILED, 0.0), else_=price),
    ).where(
        jobs.c.id == job_id,
        jobs.c.status.in_(ENDED),
        jobs.c.completed_at == now,
        ~exists().where(usage.c.job_id == job_id),
    )
    return insert(usage).from_select(COLUMNS, facts)


async def standing_of(connection: AsyncConnection, account_id: str, now: float) -> Standing:
    """How an account stands, as its caller's transaction sees it."""
    live = (await connection.execute(_live(account_id))).mappings().all()
    used = (await connection.execute(_used(account_id, now))).mappings().all()
    return _standing(live, used)


class SqlUsage:
    """The part of `serve.jobs.store.Submissions` that says what was used."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    async def usage(self, account_id: str, since: str) -> Sequence[Usage]:
        """What the account used from day `since` on, oldest first; idle days are left out."""
        query = (
            select(
                usage.c.day,
                func.count().label("jobs"),
                func.sum(usage.c.clips).label("clips"),
                func.sum(usage.c.gpu_s).label("gpu_s"),
                func.sum(usage.c.price).label("price"),
            )
            .where(usage.c.account_id == account_id, usage.c.day >= since)
            .group_by(usage.c.day)
            .order_by(usage.c.day)
        )
        return [_usage(row) for row in await self._engines.rows(query)]

    async def standing(self, account_id: str, now: float) -> Standing:
        """How the account stands."""
        live = await self._engines.rows(_live(account_id))
        return _standing(live, await self._engines.rows(_used(account_id, now)))


def _live(account_id: str) -> Select[Any]:
    return (
        select(
            jobs.c.status,
            func.count().label("jobs"),
            func.sum(jobs.c.predicted_gpu_s).label("gpu_s"),
        )
        .where(jobs.c.account_id == account_id, jobs.c.status.in_(LIVE))
        .group_by(jobs.c.status)
    )


def _used(account_id: str, now: float) -> Select[Any]:
    return select(func.coalesce(func.sum(usage.c.gpu_s), 0.0).label("gpu_s")).where(
        usage.c.account_id == account_id, usage.c.day == day_of(now)
    )


def _standing(live: Sequence[RowMapping], used: Sequence[RowMapping]) -> Standing:
    num_jobs = {row["status"]: row["jobs"] for row in live}
    return Standing(
        waiting=num_jobs.get(Status.QUEUED, 0),
        running=num_jobs.get(Status.IN_PROGRESS, 0),
        expected_gpu_s=sum(float(row["gpu_s"]) for row in live),
        used_gpu_s=float(used[0]["gpu_s"]),
    )


def _usage(row: RowMapping) -> Usage:
    return Usage(
        day=row["day"],
        jobs=row["jobs"],
        clips=row["clips"],
        gpu_s=float(row["gpu_s"]),
        price=float(row["price"]),
    )
