"""The attempts that run in this Scheduler: started, watched, stopped, and brought to an end."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from autoscaling.placement import FreeGangs
from serve.artifacts.store import ArtifactError, ArtifactMissing
from serve.attempts.attempt import Attempt, AttemptParts, GangSilent, Outcome, StageHandles
from serve.attempts.attempt_end import AttemptEnd
from serve.attempts.janitor import Janitor
from serve.attempts.outage import outlast
from serve.attempts.run import Run
from serve.jobs.job import Job, Status
from serve.jobs.store import Ledger
from serve.messages import Holding

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
        left: Callable[[Job, float], None],
        outage_pause_s: float = 5.0,
    ) -> None:
        """`left` hears of each attempt's end what its job has taken until then, in GPU-seconds.
        After a failure of the artifact store a job pauses for `outage_pause_s`."""
        self._ledger = ledger
        self._stages = stages
        self._parts = parts
        self._end = end
        self._janitor = janitor
        self._finished = finished
        self._left = left
        self._outage_pause_s = outage_pause_s
        self._running: dict[str, tuple[Attempt, asyncio.Task[Outcome]]] = {}
        self._endings: set[asyncio.Task[None]] = set()

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._running

    def ids(self) -> list[str]:
        """Every job in progress here."""
        return list(self._running)

    def jobs(self) -> Iterator[Job]:
        """The latest known state of every job in progress here."""
        return (attempt.job for attempt, _ in self._running.values())

    def runs(self) -> list[Run]:
        """The same, with the devices that each holds."""
        return [Run(job=each.job, devices=each.devices) for each in self.running()]

    def running(self) -> list[Attempt]:
        """Every attempt in progress here."""
        return [attempt for attempt, _ in self._running.values()]

    def may_go_on(self, holding: Holding) -> bool:
        """Whether what a gang holds is an attempt that runs here and is not to stop."""
        found = self._running.get(holding.job_id)
        if found is None or found[0].suspension is not None:
            return False
        fence = found[0].fence
        return (fence.epoch, fence.attempt) == (holding.epoch, holding.attempt)

    def begin(self, job: Job, gang: FreeGangs | None) -> None:
        """Drive an attempt that the store has just started; without a gang, from its latents."""
        attempt = Attempt(job, self._stages[job.model], self._parts, gang)
        work = asyncio.create_task(attempt.run())
        self._running[job.id] = (attempt, work)
        ending = asyncio.create_task(self._see_off(attempt, work))
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)
        self._parts.lessons.began(job)
        self._parts.publish(job)

    async def drop_moved_on(self) -> None:
        """Stop attempts whose row was cancelled, deleted or taken over."""
        running = dict(self._running)  # those that begin while the rows are read are not in these
        rows = {job.id: job for job in await self._ledger.fetch(list(running))}
        for job_id, (attempt, work) in running.items():
            row = rows.get(job_id)
            if work.done():
                continue
            if row is None or row.status is not Status.IN_PROGRESS or row.deleted_at is not None:
                work.cancel()
                self._parts.publish(row or replace(attempt.job, status=Status.CANCELLED))
            elif (row.epoch, row.attempt) != (attempt.fence.epoch, attempt.fence.attempt):
                work.cancel()

    async def stop_overdue(self, limit_s: float) -> None:
        """Fail jobs that have been in progress for longer than `limit_s` over all attempts."""
        for attempt, work in list(self._running.values()):
            if attempt.run_s > limit_s:
                await self._end.overdue(attempt, limit_s, time.time())
                work.cancel()

    def stop_lost(self, job_ids: Iterable[str]) -> None:
        """Break off attempts whose gang has fallen silent: their jobs go on elsewhere."""
        for job_id in job_ids:
            if found := self._running.get(job_id):
                attempt, work = found
                attempt.stopped_by = GangSilent()
                work.cancel()

    async def unserved(self, job: Job) -> None:
        """Fail a waiting job whose model has gone from the settings."""
        await self._end.unserved(job, time.time())
        await self.conclude([job])

    async def _see_off(self, attempt: Attempt, work: "asyncio.Task[Outcome]") -> None:
        """Await an attempt's end and settle its job. `work` may be stopped; this may not."""
        await asyncio.wait([work])
        job_id = attempt.job.id
        try:
            await self._settle(attempt, work)
        except Exception:
            log.exception("a job is not settled; the next scan does it", extra={"job_id": job_id})
        finally:
            del self._running[job_id]
            self._left(attempt.job, attempt.timings.gpu_s)
            self._parts.gangs.release(job_id, settled=False)
            self._parts.gang_freed()
        await outlast(lambda: self.conclude([attempt.job]), job_id=job_id)

    async def _settle(self, attempt: Attempt, work: "asyncio.Task[Outcome]") -> None:
        """Write down what becomes of the job; refused by the store where that is decided."""
        job_id = attempt.job.id
        if work.cancelled() or work.exception() or work.result() is not Outcome.PUBLISHED:
            self._janitor.expect_late_writes(job_id, time.time())
        if error := attempt.stopped_by if work.cancelled() else work.exception():
            log.warning("attempt broke", extra={"job_id": job_id}, exc_info=error)
            self._parts.lessons.broke(attempt.job, error)
        elif work.cancelled():  # from here, or by Ray, which cancels a call that it lost
            log.info("attempt stopped", extra={"job_id": job_id})
        elif work.result() is not Outcome.INTERRUPTED:
            return
        if isinstance(error, ArtifactError) and not isinstance(error, ArtifactMissing):
            # Whatever is tried now would break too: the job waits, and is not blamed.
            await asyncio.sleep(self._outage_pause_s)
            error = None
        if error is None:
            await outlast(lambda: self._end.interrupted(attempt, time.time()), job_id=job_id)
        else:
            await outlast(lambda: self._end.broken(attempt, error, time.time()), job_id=job_id)

    async def conclude(self, known: Iterable[Job]) -> None:
        """Say how jobs stand that no attempt works on; clear away what ended ones left."""
        jobs = {job.id: job for job in known}
        rows = {job.id: job for job in await self._ledger.fetch(list(jobs))}
        for job_id, last in jobs.items():
            if job_id in self._running:  # by now it is in its next attempt
                continue
            # Without a row it was deleted, and the janitor was quick.
            job = rows.get(job_id) or replace(last, status=Status.CANCELLED, phase=None)
            self._parts.publish(job)
            if job.ended:
                self._finished(job)
                await self._janitor.tidy(job)
