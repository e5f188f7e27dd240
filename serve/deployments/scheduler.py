"""The Scheduler: decides which job a free gang gets, drives attempts, and alone writes them down.

Its state is rebuilt from the job store: everything here may be lost at any moment. A second
Scheduler takes a newer epoch; the older one's writes are refused and it ends itself.
"""

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from serve.artifacts.location import open_artifacts
from serve.attempts.attempt import AttemptParts, StageHandles
from serve.attempts.attempt_end import AttemptEnd
from serve.attempts.attempts import Attempts
from serve.attempts.encode_ahead import EncodeAhead
from serve.attempts.gangs import gangs_under
from serve.attempts.janitor import Janitor
from serve.gateway.live import event_of
from serve.jobs.job import Job
from serve.jobs.sql_store import open_store
from serve.messages import Answered, LeaseAnswer, LeaseReport, StageReport, StoreErrors
from serve.models import offered_models
from serve.rounds import check_alive, in_rounds, steadily
from serve.scheduling.account_watch import AccountWatch
from serve.scheduling.asked import open_asked
from serve.scheduling.costs import Costs
from serve.scheduling.dispatch import Dispatch
from serve.scheduling.feed import Feed, News
from serve.scheduling.fleet import open_fleets
from serve.scheduling.giving_way import GivingWay
from serve.scheduling.lessons import Lessons
from serve.scheduling.operators import Operators
from serve.scheduling.policy import open_policy
from serve.scheduling.pulse import Pulse, PulseParts
from serve.scheduling.queued_rows import QueuedRows
from serve.scheduling.shapes import Shapes
from serve.scheduling.sign_ups import signing_up
from serve.scheduling.snapshots import Known, Snapshots
from serve.scheduling.turn import gangs_of, take_turn
from serve.scheduling.view import View
from serve.scheduling.warmth import Warmth
from serve.settings import Settings
from serve.telemetry.logs import configure_logging
from serve.watching.observatory import Observatory

log = logging.getLogger(__name__)


class Scheduler:
    """One replica; `stages` are the handles of each model's stages, `born_at` is the cluster's."""

    async def __init__(  # type: ignore[misc]
        self, values: dict[str, Any], stages: dict[str, dict[str, Any]], born_at: float
    ) -> None:
        self._settings = settings = Settings.from_values(values)
        configure_logging(settings.log)
        self._stages = {model: StageHandles(**handles) for model, handles in stages.items()}
        self._store = open_store(settings.database_url)
        self._accounts = AccountWatch(self._store.engines)
        self._artifacts = open_artifacts(settings.artifacts, settings.data_dir)
        self._sights = Observatory(settings, self._store.engines, self._artifacts)
        self._feed = Feed()
        self._gangs = gangs_under(settings.lease)
        self._ahead = EncodeAhead(lambda job: self._stages[job.model].encode(job), self._gangs)
        self._models = await asyncio.to_thread(offered_models, settings)
        self._costs = Costs(self._models)
        self._view = View(self._costs)
        self._shapes = Shapes(self._models, self._gangs, settings.policy.placement)
        self._policy = open_policy(settings, self._costs, self._shapes.standard, time.time())
        self._lessons = Lessons(self._costs, self._policy, self._sights)
        self._rows = QueuedRows(self._store)
        self._asked = open_asked(settings, self._costs, self._shapes)
        self._janitor = Janitor(self._store, self._artifacts)
        self._wake = asyncio.Event()
        parts = self._parts()
        self._attempts = self._make_attempts(parts)
        self._warmth = Warmth(self._stages, self._gangs, settings.lease, then=self._show)
        self._epoch = await take_turn(self._store, born_at, gangs_of(settings, self._stages))
        self._sights.metrics.epoch(self._epoch)
        self._dispatch = self._make_dispatch(parts)
        self._operators = self._make_operators()
        self._snapshots = self._make_snapshots()
        self._pulse = await self._revived_pulse()
        self._tasks = [asyncio.create_task(loop, name=name) for name, loop in self._loops().items()]

    async def check_health(self) -> None:
        """Unhealthy once one of the loops has died."""
        check_alive(self._tasks)

    def _loops(self) -> dict[str, Coroutine[Any, Any, None]]:
        settings = self._settings
        scan_s, tick_s = settings.jobs.scan_s, settings.policy.tick_s
        return {
            "scheduling": in_rounds(self._scan, self._dispatch.round, self._wake, scan_s=scan_s),
            "snapshots": steadily(self._show, every_s=tick_s, what="a snapshot"),
            **self._sights.loops(),
            # Apart from scheduling, which must not wait for a slow or failing artifact store.
            "clearing up": steadily(
                lambda: self._janitor.clean(time.time()), every_s=scan_s, what="clearing up"
            ),
            **signing_up(self._store.engines, settings, self._policy, self._epoch, self._sights),
            **{f"warming up {model}": self._warmth.wait_for(model) for model in self._stages},
        }

    def _parts(self) -> AttemptParts:
        return AttemptParts(
            ledger=self._store,
            artifacts=self._artifacts,
            gangs=self._gangs,
            ahead=self._ahead,
            retention_s=self._settings.jobs.retention_s,
            publish=self._publish,
            lessons=self._lessons,
            gang_freed=self._wake.set,
        )

    def _make_attempts(self, parts: AttemptParts) -> Attempts:
        crashes, lost = self._settings.jobs.max_crashes, self._lessons.lost
        return Attempts(
            ledger=self._store,
            stages=self._stages,
            parts=parts,
            end=AttemptEnd(self._store, self._artifacts, max_crashes=crashes, lost=lost),
            janitor=self._janitor,
            finished=self._lessons.finished,
            left=self._policy.left,
        )

    def _make_dispatch(self, parts: AttemptParts) -> Dispatch:
        return Dispatch(
            epoch=self._epoch,
            parts=parts,
            rows=self._rows,
            policy=self._policy,
            attempts=self._attempts,
            giving_way=GivingWay(
                attempts=self._attempts,
                numbers=self._policy.numbers,
                shapes=self._shapes.of,
                suspended=self._lessons.suspended,
            ),
            shapes=self._shapes.of,
        )

    async def _revived_pulse(self) -> Pulse:
        parts = PulseParts(
            ledger=self._store,
            rows=self._rows,
            policy=self._policy,
            costs=self._costs,
            attempts=self._attempts,
            fleets=open_fleets(self._settings, time.time()),
            publish=self._publish,
            operators=self._operators,
        )
        every_s = self._settings.policy.remember_every_s
        pulse = Pulse(parts, epoch=self._epoch, remember_every_s=every_s)
        await pulse.recall(time.time())
        return pulse

    def _make_operators(self) -> Operators:
        return Operators(
            self._store,
            policy=self._policy,
            rows=self._rows,
            attempts=self._attempts,
            answers=self._sights.answers,
            epoch=self._epoch,
            every_s=self._settings.policy.told_every_s,
            standard_devices=self._shapes.standard_of(self._settings.models[0].name),
        )

    def _make_snapshots(self) -> Snapshots:
        known = Known(
            sights=self._sights,
            gangs=self._gangs,
            rows=self._rows,
            attempts=self._attempts,
            policy=self._policy,
            operators=self._operators,
            view=self._view,
            accounts=self._accounts,
            warm_models=self._warmth.models,
        )
        return Snapshots(known, self._epoch)

    async def lease(self, report: LeaseReport) -> LeaseAnswer:
        """A gang's report; it may go on only with an attempt that runs here."""
        if self._gangs.report(report, time.monotonic()):
            self._wake.set()
        keep = report.holding is not None and self._attempts.may_go_on(report.holding)
        return LeaseAnswer(epoch=self._epoch, keep=keep)

    async def told(self, news: StageReport | StoreErrors) -> None:
        """How an encoder or decoder does, or the stores as a Gateway sees them."""
        self._sights.told(news)

    async def notify(self, job_id: str) -> None:
        """A job's row has changed: look now instead of at the next scan."""
        if job_id in self._attempts:
            await self._attempts.drop_moved_on()
        self._rows.told(job_id)
        self._wake.set()

    async def answered(self, answers: list[Answered]) -> None:
        """What became of the requests that a Gateway had since it last told."""
        self._lessons.answered(answers)
        self._asked.answered(answers)

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """Ray Serve asks for it, and carries it to the capacity policy."""
        return await self._asked.told(self._rows, self._attempts, self._gangs)

    async def watch(self) -> AsyncIterator[News]:
        """What a Gateway subscribes to: a snapshot at once, then news as it happens."""
        async for news in self._feed.read(self._snapshots.take()):
            yield news

    async def _scan(self) -> None:
        """What must hold even if every message were lost."""
        if not await self._store.holds(self._epoch):
            log.error("epoch %d has been replaced; this scheduler ends", self._epoch)
            os._exit(1)
        for job in await self._store.adopt(self._epoch, time.time(), running=self._attempts.ids()):
            log.info("adopted", extra={"job_id": job.id, "step": job.step})
            self._publish(job)
        await self._attempts.drop_moved_on()
        self._attempts.stop_lost(self._gangs.take_lost(time.monotonic()))
        await self._attempts.stop_overdue(self._settings.jobs.max_run_s)

    def _publish(self, job: Job) -> None:
        self._rows.seen(job)
        self._asked.seen(job)
        self._view.seen(job)
        self._feed.publish(event_of(job))

    async def _show(self) -> None:
        """A store that does not answer keeps nobody from seeing what is known."""
        if not self._rows.complete:  # nothing is to be decided from an empty picture
            return
        try:
            sight = await self._pulse.beat(self._gangs.statuses(time.monotonic()), time.time())
            self._lessons.looked(sight, self._operators.status)
        except Exception:
            log.exception("the policy's look failed; trying again")
        await self._accounts.look()
        self._feed.publish(self._snapshots.take())
