"""One round of the Scheduler: every waiting job that can start now is started, best first."""

import time
from collections.abc import Collection

from autoscaling.ordering import TierThenArrival
from serve.artifacts.store import ArtifactMissing, ArtifactStore, latents_key
from serve.deployments.attempts import Attempts
from serve.deployments.gangs import Gangs
from serve.deployments.view import View
from serve.jobs.store import Ledger


class Dispatch:
    """Under one epoch. `models` are those that this service offers."""

    def __init__(
        self,
        *,
        epoch: int,
        ledger: Ledger,
        artifacts: ArtifactStore,
        gangs: Gangs,
        order: TierThenArrival,
        view: View,
        attempts: Attempts,
        models: Collection[str],
    ) -> None:
        self._epoch = epoch
        self._ledger = ledger
        self._artifacts = artifacts
        self._gangs = gangs
        self._order = order
        self._view = view
        self._attempts = attempts
        self._models = models

    async def round(self) -> None:
        """Start what can start; conclude what was waiting and no longer is."""
        waiting = await self._ledger.waiting()
        jobs = {job.id: job for job in waiting if job.id not in self._attempts}
        gone = [job for job in self._view.waiting.values() if job.id not in jobs]
        await self._attempts.conclude(job for job in gone if job.id not in self._attempts)
        self._view.waiting = jobs
        for place in self._order.order(self._view.plain(jobs.values())):
            job = jobs[place.job_id]
            if job.model not in self._models:
                await self._attempts.unserved(job)
                continue
            have_latents = job.step >= job.spec.steps and await self._have_latents(job.id)
            if not have_latents:
                if self._gangs.free(job.model, time.monotonic()) <= 0:
                    continue
                self._gangs.reserve(job.id, job.model)
            await self._start(job.id, have_latents=have_latents)

    async def _have_latents(self, job_id: str) -> bool:
        try:
            await self._artifacts.info(latents_key(job_id))
        except ArtifactMissing:
            return False
        return True

    async def _start(self, job_id: str, *, have_latents: bool) -> None:
        """A gang reserved for the job is given back unless an attempt begins."""
        job = None
        try:
            job = await self._ledger.start(job_id, self._epoch, time.time())
        finally:
            if job is None:
                self._gangs.release(job_id, settled=True)
        if job is not None:
            self._attempts.begin(job, have_latents=have_latents)
