"""One round of the Scheduler: every waiting job that can start now is started, best first."""

import time
from collections.abc import Callable, Collection

from autoscaling.placement import FreeGangs, place
from serve.artifacts.store import ArtifactMissing, ArtifactStore, latents_key
from serve.deployments.attempts import Attempts
from serve.deployments.encode_ahead import EncodeAhead
from serve.deployments.gangs import Gangs
from serve.deployments.view import View
from serve.jobs.job import Job
from serve.jobs.store import Ledger


class Dispatch:
    """Under one epoch. `shapes` are the gang shapes for a job; none if its model is not offered."""

    def __init__(
        self,
        *,
        epoch: int,
        ledger: Ledger,
        artifacts: ArtifactStore,
        gangs: Gangs,
        view: View,
        attempts: Attempts,
        ahead: EncodeAhead,
        shapes: Callable[[Job], Collection[str]],
    ) -> None:
        self._epoch = epoch
        self._ledger = ledger
        self._artifacts = artifacts
        self._gangs = gangs
        self._view = view
        self._attempts = attempts
        self._ahead = ahead
        self._shapes = shapes

    async def round(self) -> None:
        """Start what can start; conclude what was waiting and no longer is."""
        rows = await self._ledger.waiting()
        jobs = {job.id: job for job in rows if job.id not in self._attempts}
        gone = [job for job in self._view.waiting.values() if job.id not in jobs]
        await self._attempts.conclude(job for job in gone if job.id not in self._attempts)
        self._view.waiting = jobs
        blocked = []
        for waiting in self._view.ordered(jobs.values()):
            job = jobs[waiting.job_id]
            if not (shapes := self._shapes(job)):
                await self._attempts.unserved(job)
                continue
            if self._held_back(job):
                continue
            gang = None
            if job.step < job.spec.steps or not await self._have_latents(job.id):
                if (gang := self._free_gang(job.model, shapes)) is None:
                    blocked.append(job)
                    continue
                self._gangs.reserve(job.id, job.model, gang.shape)
            await self._start(job.id, gang)
        self._ahead.look(blocked)

    def _held_back(self, job: Job) -> bool:
        """Whether as many jobs of its account are in progress as may be at once."""
        if job.jobs_at_once is None:
            return False
        running = sum(other.account_id == job.account_id for other in self._attempts.jobs())
        return running >= job.jobs_at_once

    def _free_gang(self, model: str, shapes: Collection[str]) -> FreeGangs | None:
        """Gangs of a shape that is no longer offered still report for a moment."""
        free = self._gangs.free(model, time.monotonic())
        return place([gangs for gangs in free if gangs.shape in shapes])

    async def _have_latents(self, job_id: str) -> bool:
        try:
            await self._artifacts.info(latents_key(job_id))
        except ArtifactMissing:
            return False
        return True

    async def _start(self, job_id: str, gang: FreeGangs | None) -> None:
        """A gang reserved for the job is given back unless an attempt begins."""
        job = None
        try:
            job = await self._ledger.start(job_id, self._epoch, time.time())
        finally:
            if job is None:
                self._gangs.release(job_id, settled=True)
        if job is not None:
            self._attempts.begin(job, gang)
