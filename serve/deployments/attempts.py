"""The attempts that run in this Scheduler: started, watched, stopped, and brought to an end."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from serve.deployments.attempt import Attempt, AttemptParts, Outcome, StageHandles
from serve.deployments.attempt_end import AttemptEnd
from serve.deployments.janitor import Janitor
from serve.deployments.messages import Holding
from serve.jobs.job import Job, Status
from serve.jobs.store import Ledger

log = logging.getLogger(__name__)


class Attempts:
    """One task an attempt. The job's row decides: whoever finds it changed stops."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        stages: Mapping[str, StageHandles],
        parts: AttemptParts,
        end: AttemptEnd,
        janitor: Janitor,
        finished: Callable[[Job], None],
    ) -> None:
        self._ledger = ledger
        self._stages = stages
        self._parts = parts
        self._end = end
        self._janitor = janitor
        self._finished = finished
        self._running: dict[str, tuple[Attempt, asyncio.Task[None]]] = {}

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._running

    def jobs(self) -> Iterator[Job]:
        """The latest known state of every job in progress here."""
        return (attempt.job for attempt, _ in self._running.values())

    def own(self, holding: Holding) -> bool:
        """Whether what a gang holds is an attempt that runs here."""
        found = self._running.get(holding.job_id)
        return found is not None and (
            (found[0].fence.epoch, found[0].fence.attempt) == (holding.epoch, holding.attempt)
        )

    def begin(self, job: Job, *, have_latents: bool) -> None:
        """Drive an attempt that the store has just started."""
        attempt = Attempt(job, self._stages[job.model], self._parts)
        task = asyncio.create_task(self._drive(attempt, have_latents=have_latents))
        self._running[job.id] = (attempt, task)
        self._parts.publish(job)

    async def drop_moved_on(self) -> None:
        """Stop attempts whose row was cancelled, deleted or taken over."""
        rows = {job.id: job for job in await self._ledger.fetch(list(self._running))}
        for job_id, (attempt, task) in list(self._running.items()):
            row = rows.get(job_id)
            if row is None or row.status is not Status.IN_PROGRESS or row.deleted_at is not None:
                task.cancel()
                self._parts.publish(row or replace(attempt.job, status=Status.CANCELLED))
            elif (row.epoch, row.attempt) != (attempt.fence.epoch, attempt.fence.attempt):
                task.cancel()

    async def stop_overdue(self, limit_s: float, now: float) -> None:
        """Fail jobs that have been in progress for longer than `limit_s` over all attempts."""
        for attempt, task in list(self._running.values()):
            if attempt.job.run_s + now - (attempt.job.attempt_started_at or now) > limit_s:
                await self._end.overdue(attempt, limit_s, now)
                task.cancel()

    async def unserved(self, job: Job) -> None:
        """Fail a waiting job whose model has gone from the settings."""
        await self._end.unserved(job, time.time())
        await self.conclude([job.id])

    async def _drive(self, attempt: Attempt, *, have_latents: bool) -> None:
        """One attempt to its end, whatever that is."""
        job_id = attempt.job.id
        try:
            outcome = await attempt.run(have_latents=have_latents)
            if outcome is Outcome.INTERRUPTED:
                await self._end.interrupted(attempt, time.time())
        except asyncio.CancelledError:
            log.info("attempt stopped", extra={"job_id": job_id})
        except Exception as error:
            log.warning("attempt broke", extra={"job_id": job_id}, exc_info=error)
            await self._end.broken(attempt, error, time.time())
        finally:
            self._running.pop(job_id, None)
            self._parts.gangs.release(job_id, settled=False)
            self._parts.gang_freed()
        await self.conclude([job_id])

    async def conclude(self, job_ids: Iterable[str]) -> None:
        """Say how jobs stand that no attempt works on; clear away what ended ones left."""
        for job in await self._ledger.fetch(list(job_ids)):
            self._parts.publish(job)
            if job.ended:
                self._finished(job)
                await self._janitor.tidy(job)
