"""The Scheduler: decides which job a free gang gets, drives attempts, and alone writes them down.

Its state is rebuilt from the job store: everything here may be lost at any moment. A second
Scheduler takes a newer epoch; the older one's writes are refused and it ends itself.
"""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from autoscaling.ordering import TierThenArrival
from serve.artifacts.object_store import open_artifacts
from serve.artifacts.store import ArtifactMissing, latents_key
from serve.deployments.attempt import Attempt, AttemptParts, Outcome, StageHandles
from serve.deployments.attempt_end import AttemptEnd
from serve.deployments.feed import Feed, News
from serve.deployments.gangs import Gangs
from serve.deployments.janitor import Janitor
from serve.deployments.messages import JobEvent, LeaseAnswer, LeaseReport, Snapshot
from serve.deployments.view import View
from serve.jobs.job import Job, Status
from serve.jobs.sql_store import open_store
from serve.settings import Settings
from serve.telemetry.logs import configure_logging
from serve.telemetry.metrics import Metrics

log = logging.getLogger(__name__)


class Scheduler:
    """One replica; `stages` are the handles of each model's stages."""

    async def __init__(  # type: ignore[misc]
        self, values: dict[str, Any], stages: dict[str, dict[str, Any]]
    ) -> None:
        self._settings = settings = Settings.from_values(values)
        configure_logging(settings.log)
        self._stages = {model: StageHandles(**handles) for model, handles in stages.items()}
        self._store = open_store(settings.database_url)
        self._artifacts = open_artifacts(settings.artifacts, settings.data_dir)
        self._metrics = Metrics(settings.tiers)
        self._feed = Feed()
        self._gangs = Gangs(timeout_s=settings.lease.timeout_s)
        self._order = TierThenArrival()
        self._view = View(settings.tiers, self._order)
        self._end = AttemptEnd(self._store, max_crashes=settings.jobs.max_crashes)
        self._janitor = Janitor(self._store, self._artifacts)
        self._attempts: dict[str, tuple[Attempt, asyncio.Task[None]]] = {}
        self._wake = asyncio.Event()
        self._warm: set[str] = set()
        self._epoch = await self._store.take_epoch()
        self._metrics.epoch(self._epoch)
        log.info("scheduler epoch %d begins", self._epoch)
        self._tasks = [
            asyncio.create_task(loop)
            for loop in (self._run(), self._show(), *(self._warm_up(m) for m in self._stages))
        ]

    async def check_health(self) -> None:
        """Unhealthy once the main loop has died."""
        if self._tasks[0].done():
            raise RuntimeError("the scheduler's loop has ended")

    async def lease(self, report: LeaseReport) -> LeaseAnswer:
        """A gang's report; it may go on only with an attempt that runs here."""
        self._gangs.report(report, time.time())
        held = report.holding
        keep = False
        if held and held.epoch == self._epoch and held.job_id in self._attempts:
            keep = self._attempts[held.job_id][0].fence.attempt == held.attempt
        if held is None:
            self._wake.set()
        return LeaseAnswer(epoch=self._epoch, keep=keep)

    async def notify(self, job_id: str) -> None:
        """A job's row has changed: look now instead of at the next scan."""
        if job_id in self._attempts:
            await self._drop_moved_on()
        self._wake.set()

    async def watch(self) -> AsyncIterator[News]:
        """What a Gateway subscribes to: a snapshot at once, then news as it happens."""
        async for news in self._feed.read(await self._snapshot()):
            yield news

    async def _run(self) -> None:
        scanned_at = 0.0
        while True:
            try:
                if time.monotonic() - scanned_at >= self._settings.jobs.scan_s:
                    await self._scan()
                    scanned_at = time.monotonic()
                await self._dispatch()
            except Exception:
                log.exception("a scheduling round failed; trying again")
                await asyncio.sleep(self._settings.jobs.scan_s)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._settings.jobs.scan_s)
            self._wake.clear()

    async def _scan(self) -> None:
        """What must hold even if every message were lost."""
        if not await self._store.holds(self._epoch):
            log.error("epoch %d has been replaced; this scheduler ends", self._epoch)
            os._exit(1)
        now = time.time()
        for job in await self._store.adopt(self._epoch, now):
            log.info("adopted", extra={"job_id": job.id, "step": job.step})
        await self._drop_moved_on()
        await self._stop_overdue(now)
        await self._janitor.clean(now)

    async def _drop_moved_on(self) -> None:
        """Stop attempts whose row was cancelled, deleted or taken over."""
        rows = {job.id: job for job in await self._store.fetch(list(self._attempts))}
        for job_id, (attempt, task) in list(self._attempts.items()):
            row = rows.get(job_id)
            if row is None or row.status is not Status.IN_PROGRESS or row.deleted_at is not None:
                task.cancel()
                self._publish(row or replace(attempt.job, status=Status.CANCELLED))
            elif (row.epoch, row.attempt) != (attempt.fence.epoch, attempt.fence.attempt):
                task.cancel()

    async def _stop_overdue(self, now: float) -> None:
        limit_s = self._settings.jobs.max_run_s
        for attempt, task in list(self._attempts.values()):
            if attempt.job.run_s + now - (attempt.job.attempt_started_at or now) > limit_s:
                await self._end.overdue(attempt, limit_s, now)
                task.cancel()

    async def _dispatch(self) -> None:
        """Start every waiting job that can start now, best first."""
        jobs = {job.id: job for job in await self._store.waiting() if job.id not in self._attempts}
        self._view.waiting = jobs
        for waiting in self._order.order(self._view.plain(jobs.values())):
            job = jobs[waiting.job_id]
            if job.model not in self._stages:
                await self._end.unserved(job, time.time())
                await self._conclude(job.id)
                continue
            have_latents = job.step >= job.spec.steps and await self._have_latents(job.id)
            if not have_latents:
                if self._gangs.free(job.model, time.time()) <= 0:
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
        job = await self._store.start(job_id, self._epoch, time.time())
        if job is None:
            self._gangs.release(job_id, settled=True)
            return
        attempt = Attempt(job, self._stages[job.model], self._parts())
        task = asyncio.create_task(self._drive(attempt, have_latents=have_latents))
        self._attempts[job.id] = (attempt, task)
        self._publish(job)

    def _parts(self) -> AttemptParts:
        return AttemptParts(
            ledger=self._store,
            artifacts=self._artifacts,
            gangs=self._gangs,
            retention_s=self._settings.jobs.retention_s,
            publish=self._publish,
            observe=self._metrics.observe,
            gang_freed=self._wake.set,
        )

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
            log.warning("attempt broke: %r", error, extra={"job_id": job_id})
            await self._end.broken(attempt, error, time.time())
        finally:
            self._attempts.pop(job_id, None)
            self._gangs.release(job_id, settled=False)
            self._wake.set()
        await self._conclude(job_id)

    async def _conclude(self, job_id: str) -> None:
        """Tell the Gateways and the metrics how it stands; clear away what an ended job left."""
        for job in await self._store.fetch([job_id]):
            self._publish(job)
            if job.ended:
                self._metrics.finished(job)
                await self._janitor.tidy(job)

    def _publish(self, job: Job) -> None:
        self._view.seen(job)
        self._feed.publish(
            JobEvent(
                job_id=job.id,
                status=job.status,
                phase=job.phase,
                step=job.step,
                steps=job.spec.steps,
                failure=job.failure,
            )
        )

    async def _warm_up(self, model: str) -> None:
        """A model is warm once each of its stages has answered."""
        handles = self._stages[model]
        await handles.encoder.ready.remote()
        await handles.decoder.ready.remote()
        while model not in self._gangs.models(time.time()):
            await asyncio.sleep(self._settings.lease.period_s / 4)
        self._warm.add(model)
        self._feed.publish(await self._snapshot())

    async def _show(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            self._feed.publish(await self._snapshot())

    async def _snapshot(self) -> Snapshot:
        now = time.time()
        gangs = self._gangs.statuses(now)
        self._metrics.gangs(gangs)
        self._metrics.queue(self._view.plain(self._view.waiting.values()))
        return self._view.snapshot(
            epoch=self._epoch,
            gangs=gangs,
            warm_models=frozenset(self._warm),
            metrics=self._metrics.exposition(),
            now=now,
        )
