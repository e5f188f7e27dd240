"""The Scheduler's half of the job store: epochs, and the fenced writes of running jobs.

Every write is one conditional statement, so two schedulers, or a scheduler and a cancel, can race
as they like: exactly one of them changes the row. Who ends a job also records what it took, in the
same transaction.
"""

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

from sqlalchemy import Update, and_, case, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from serve.jobs.charges import run_s_until
from serve.jobs.database import Engines
from serve.jobs.job import LIVE, Failure, Job, Note, Phase, Status, Timings
from serve.jobs.rows import history_values, to_job
from serve.jobs.sql_queue import newest_epoch
from serve.jobs.sql_usage import record_of
from serve.jobs.store import Fence
from serve.jobs.tables import counters, jobs

IN_PROGRESS = frozenset({Status.IN_PROGRESS})
MAX_IDS = 500
"""Ids in one statement; both databases limit the number of parameters."""


class SqlLedger:
    """`serve.jobs.store.Ledger` in SQL."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    async def take_epoch(self) -> int:
        """The next scheduler epoch; every older one has lost from here on."""
        statement = (
            update(counters)
            .where(counters.c.name == "epoch")
            .values(value=counters.c.value + 1)
            .returning(counters.c.value)
        )
        return int((await self._engines.change_returning(statement))[0]["value"])

    async def holds(self, epoch: int) -> bool:
        """Whether `epoch` is still the newest."""
        query = select(counters.c.value).where(counters.c.name == "epoch")
        return bool((await self._engines.rows(query))[0]["value"] == epoch)

    async def fetch(self, job_ids: list[str]) -> list[Job]:
        """The present rows of these jobs, whosoever they are, deleted ones included."""
        found: list[Job] = []
        for first in range(0, len(job_ids), MAX_IDS):
            query = select(jobs).where(jobs.c.id.in_(job_ids[first : first + MAX_IDS]))
            found += [to_job(row) for row in await self._engines.rows(query)]
        return found

    async def adopt(
        self, epoch: int, now: float, *, running: Collection[str] | None = None
    ) -> list[Job]:
        """Put every job in progress under an older epoch back in the queue; returns them.

        Given the jobs that are `running` under `epoch` itself, those that nobody runs too: a start
        whose answer was lost, or an attempt whose end could not be written.
        An attempt is charged up to its last write, for nobody ran it while no scheduler was there.
        """
        abandoned = jobs.c.epoch < epoch
        if running is not None:
            abandoned |= and_(jobs.c.epoch == epoch, jobs.c.id.not_in(running))
        last_seen = case((jobs.c.seen_at < now, jobs.c.seen_at), else_=literal(now))
        statement = (
            update(jobs)
            .where(jobs.c.status == Status.IN_PROGRESS, abandoned)
            .values(
                status=Status.QUEUED,
                phase=None,
                run_s=run_s_until(last_seen),
                attempt_started_at=None,
            )
            .returning(jobs)
        )
        adopted = [to_job(row) for row in await self._engines.change_returning(statement)]
        return sorted(adopted, key=lambda job: (job.created_at, job.id))

    async def start(
        self, job_id: str, epoch: int, now: float, *, history: tuple[Note, ...] | None = None
    ) -> Job | None:
        """queued -> in_progress under `epoch`, as the next attempt; None if the row moved on."""
        statement = (
            update(jobs)
            .where(jobs.c.id == job_id, jobs.c.status == Status.QUEUED, newest_epoch() == epoch)
            .values(
                status=Status.IN_PROGRESS,
                epoch=epoch,
                attempt=jobs.c.attempt + 1,
                phase=Phase.ENCODE,
                started_at=func.coalesce(jobs.c.started_at, now),
                attempt_started_at=now,
                seen_at=now,
                suspended_at=None,
                **_told(history),
            )
            .returning(jobs)
        )
        rows = await self._engines.change_returning(statement)
        return to_job(rows[0]) if rows else None

    async def advance(
        self, fence: Fence, *, phase: Phase, step: int, now: float, timings: Timings | None = None
    ) -> bool:
        """Record the phase and the finished steps of an attempt, and what the job has taken."""
        return await self._write(fence, phase=phase, step=step, seen_at=now, **_taken(timings))

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
        further = jobs.c.step > jobs.c.crash_step
        counted: dict[str, Any] = {
            "crashes": case((further, 1), else_=jobs.c.crashes + 1),
            "crash_step": case((further, jobs.c.step), else_=jobs.c.crash_step),
        }
        return await self._write(
            fence,
            status=Status.QUEUED,
            phase=None,
            run_s=run_s_until(now),
            attempt_started_at=None,
            **(counted if crashed else {}),
            **(_suspended(now) if gave_way else {}),
            **_told(history),
        )

    async def complete(
        self, fence: Fence, *, now: float, clip_prefix: str, expires_at: float, timings: Timings
    ) -> bool:
        """Publish the clip: one conditional update, so a clip is published once."""
        statement = _fenced(fence, IN_PROGRESS).values(
            status=Status.COMPLETED,
            phase=None,
            completed_at=now,
            run_s=run_s_until(now),
            clip_prefix=clip_prefix,
            expires_at=expires_at,
            timings=asdict(timings),
        )
        return await self._end(statement, fence, now)

    async def fail(
        self, fence: Fence, *, now: float, failure: Failure, timings: Timings | None = None
    ) -> bool:
        """End an attempt's job as failed.

        Also while it waits again after that attempt (`requeue` told of one crash too many), or
        has not been tried yet (epoch and attempt 0: its model is no longer offered).
        """
        statement = _fenced(fence, LIVE).values(
            status=Status.FAILED,
            phase=None,
            completed_at=now,
            run_s=run_s_until(now),
            failure=asdict(failure),
            **_taken(timings),
        )
        return await self._end(statement, fence, now)

    async def _end(self, statement: Update, fence: Fence, now: float) -> bool:
        """Carry out what ends a job, and with it write down what it took."""

        async def work(connection: AsyncConnection) -> bool:
            ended = (await connection.execute(statement)).rowcount == 1
            if ended:
                await connection.execute(record_of(fence.job_id, now))
            return ended

        return await self._engines.transact(work)

    async def _write(self, fence: Fence, **values: Any) -> bool:
        return await self._engines.change(_fenced(fence, IN_PROGRESS).values(values)) == 1


def _taken(timings: Timings | None) -> dict[str, Any]:
    return {} if timings is None else {"timings": asdict(timings)}


def _told(history: tuple[Note, ...] | None) -> dict[str, Any]:
    return {} if history is None else {"history": history_values(history)}


def _suspended(now: float) -> dict[str, Any]:
    return {"preemptions": func.coalesce(jobs.c.preemptions, 0) + 1, "suspended_at": now}


def _fenced(fence: Fence, statuses: frozenset[Status]) -> Update:
    return update(jobs).where(
        jobs.c.id == fence.job_id,
        jobs.c.status.in_(statuses),
        jobs.c.epoch == fence.epoch,
        jobs.c.attempt == fence.attempt,
    )
