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
from typing import Any

from autoscaling.ordering import TierThenArrival
from serve.artifacts.location import open_artifacts
from serve.deployments.attempt import AttemptParts, StageHandles
from serve.deployments.attempt_end import AttemptEnd
from serve.deployments.attempts import Attempts
from serve.deployments.costs import Costs
from serve.deployments.dispatch import Dispatch
from serve.deployments.encode_ahead import EncodeAhead
from serve.deployments.feed import Feed, News
from serve.deployments.gangs import Gangs
from serve.deployments.janitor import Janitor
from serve.deployments.rounds import check_alive, steadily
from serve.deployments.view import View
from serve.jobs.job import Job
from serve.jobs.sql_store import open_store
from serve.messages import JobEvent, LeaseAnswer, LeaseReport, Snapshot
from serve.models import offered_models
from serve.settings import Settings
from serve.settings.sections import Lease
from serve.telemetry.logs import configure_logging
from serve.telemetry.metrics import Metrics

log = logging.getLogger(__name__)
SNAPSHOT_EVERY_S = 1.0
MISSED_REPORTS = 3
"""A gang that has missed so many is sent no job."""


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
        self._gangs = _gangs(settings.lease)
        self._ahead = EncodeAhead(self._encode, self._gangs)
        self._models = await asyncio.to_thread(offered_models, settings)
        self._costs = Costs(self._models)
        self._view = View(settings.tiers, TierThenArrival(), self._costs)
        self._janitor = Janitor(self._store, self._artifacts)
        self._wake = asyncio.Event()
        self._attempts = self._make_attempts()
        self._warm: set[str] = set()
        self._epoch = await self._store.take_epoch()
        self._metrics.epoch(self._epoch)
        log.info("scheduler epoch %d begins", self._epoch)
        self._dispatch = Dispatch(
            epoch=self._epoch,
            ledger=self._store,
            artifacts=self._artifacts,
            gangs=self._gangs,
            view=self._view,
            attempts=self._attempts,
            ahead=self._ahead,
            shapes=self._shapes,
        )
        scan_s = settings.jobs.scan_s
        loops = {
            "scheduling": self._run(),
            "snapshots": steadily(self._show, every_s=SNAPSHOT_EVERY_S, what="a snapshot"),
            "clearing up": steadily(self._clean, every_s=scan_s, what="clearing up"),
            **{f"warming up {model}": self._warm_up(model) for model in self._stages},
        }
        self._tasks = [asyncio.create_task(loop, name=name) for name, loop in loops.items()]

    async def check_health(self) -> None:
        """Unhealthy once one of the loops has died."""
        check_alive(self._tasks)

    def _make_attempts(self) -> Attempts:
        parts = AttemptParts(
            ledger=self._store,
            artifacts=self._artifacts,
            gangs=self._gangs,
            ahead=self._ahead,
            retention_s=self._settings.jobs.retention_s,
            publish=self._publish,
            observe=self._observe,
            encoded=self._metrics.encoded,
            redone=self._metrics.redone,
            gang_freed=self._wake.set,
        )
        return Attempts(
            ledger=self._store,
            stages=self._stages,
            parts=parts,
            end=AttemptEnd(
                self._store, self._artifacts, max_crashes=self._settings.jobs.max_crashes
            ),
            janitor=self._janitor,
            finished=self._metrics.finished,
        )

    async def lease(self, report: LeaseReport) -> LeaseAnswer:
        """A gang's report; it may go on only with an attempt that runs here."""
        if self._gangs.report(report, time.monotonic()):
            self._wake.set()
        keep = report.holding is not None and self._attempts.own(report.holding)
        return LeaseAnswer(epoch=self._epoch, keep=keep)

    async def notify(self, job_id: str) -> None:
        """A job's row has changed: look now instead of at the next scan."""
        if job_id in self._attempts:
            await self._attempts.drop_moved_on()
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
                await self._dispatch.round()
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
        for job in await self._store.adopt(self._epoch, now, running=self._attempts.ids()):
            log.info("adopted", extra={"job_id": job.id, "step": job.step})
            self._publish(job)
        await self._attempts.drop_moved_on()
        self._attempts.stop_lost(self._gangs.take_lost(time.monotonic()))
        await self._attempts.stop_overdue(self._settings.jobs.max_run_s)

    async def _clean(self) -> None:
        """Apart from scheduling, which must not wait for a slow or failing artifact store."""
        await self._janitor.clean(time.time())

    def _encode(self, job: Job) -> Any:
        return self._stages[job.model].encoder.encode.remote(job.id, job.spec)

    def _shapes(self, job: Job) -> tuple[str, ...]:
        if (model := self._models.get(job.model)) is None:
            return ()
        gang_bytes = self._gangs.device_bytes(job.model, time.monotonic())
        return tuple(str(shape) for shape in model.shapes_for(job.spec, gang_bytes))

    def _observe(self, job: Job, stage: str, seconds: float, devices: int) -> None:
        self._costs.observe(job, stage, seconds * devices)
        self._metrics.observe(job, stage, seconds, devices)

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
        handles, pause_s = self._stages[model], self._settings.lease.period_s / 4
        while model not in self._warm:
            try:
                await handles.encoder.ready.remote()
                await handles.decoder.ready.remote()
            except Exception as error:  # a replica that died while it was loading
                log.warning("%s is not warm yet: %s", model, type(error).__name__)
            else:
                if model in self._gangs.models(time.monotonic()):
                    self._warm.add(model)
                    continue
            await asyncio.sleep(pause_s)
        await self._show()

    async def _show(self) -> None:
        self._feed.publish(await self._snapshot())

    async def _snapshot(self) -> Snapshot:
        gangs = self._gangs.statuses(time.monotonic())
        self._metrics.gangs(gangs)
        self._metrics.running(self._attempts.jobs())
        self._metrics.queue(self._view.plain(self._view.waiting.values()))
        return self._view.snapshot(
            epoch=self._epoch,
            gangs=gangs,
            warm_models=frozenset(self._warm),
            metrics=self._metrics.exposition(),
        )


def _gangs(lease: Lease) -> Gangs:
    free_within_s = min(lease.timeout_s, MISSED_REPORTS * lease.period_s)
    return Gangs(timeout_s=lease.timeout_s, free_within_s=free_within_s)
