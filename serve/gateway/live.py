"""What is happening right now: one subscription to the Scheduler, fanned out to many readers."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from serve.gateway.link import SchedulerLink
from serve.jobs.job import Job, Phase, Status
from serve.jobs.store import Ledger
from serve.messages import JobEvent, QueuePlace, Snapshot

log = logging.getLogger(__name__)
FIRST_RETRY_S: Final = 0.2
LAST_RETRY_S: Final = 5.0
MAX_BACKLOG: Final = 64
PHASES: Final = (None, *Phase)


class TooManyWatches(Exception):
    """As many readers are there as the settings allow."""


class Watch:
    """One reader's news of one job. A reader who is slow loses the oldest of it."""

    def __init__(self) -> None:
        self._backlog: deque[JobEvent | QueuePlace] = deque(maxlen=MAX_BACKLOG)
        self._news = asyncio.Event()

    def put(self, news: JobEvent | QueuePlace) -> None:
        self._backlog.append(news)
        self._news.set()

    async def next(self) -> JobEvent | QueuePlace:
        """The oldest news not read yet; waits for some. May be cancelled without loss."""
        await self._news.wait()
        news = self._backlog.popleft()
        if not self._backlog:
            self._news.clear()
        return news


class Live:
    """Latest events of running jobs, and who wants to hear of which job."""

    def __init__(
        self,
        link: SchedulerLink,
        ledger: Ledger,
        *,
        max_watches: int,
        seen: Callable[[Snapshot], None] = lambda _: None,
    ) -> None:
        """`seen` hears of every snapshot."""
        self._link = link
        self._ledger = ledger
        self._max_watches = max_watches
        self._seen = seen
        self._num_watches = 0
        self._watches: dict[str, set[Watch]] = {}
        self._latest: dict[str, JobEvent] = {}
        self._behind = True
        """Events may have been missed since the last snapshot."""

    @contextmanager
    def watch(self, job_id: str) -> Iterator[Watch]:
        """News of a job from now on; raises `TooManyWatches`."""
        if self._num_watches >= self._max_watches:
            raise TooManyWatches
        watch = Watch()
        self._num_watches += 1
        self._watches.setdefault(job_id, set()).add(watch)
        try:
            yield watch
        finally:
            self._num_watches -= 1
            readers = self._watches[job_id]
            readers.discard(watch)
            if not readers:
                del self._watches[job_id]

    def freshened(self, job: Job) -> Job:
        """The job as its row says, or further on where an event has said so.

        The row decides the status; it may lag behind in steps, which are not all written.
        """
        event = self._latest.get(job.id)
        if event is None or job.status is not Status.IN_PROGRESS:
            return job
        if _place(event.phase, event.step) <= _place(job.phase, job.step):
            return job
        return replace(job, phase=event.phase, step=event.step)

    def publish(self, event: JobEvent) -> None:
        """Tell all who watch the job."""
        if event.status is Status.IN_PROGRESS:
            self._latest[event.job_id] = event
        else:
            self._latest.pop(event.job_id, None)
        for watch in self._watches.get(event.job_id, ()):
            watch.put(event)

    async def run(self) -> None:
        """Keep one subscription alive, for as long as this Gateway lives."""
        retry_s = FIRST_RETRY_S
        while True:
            try:
                async for news in self._link.events():
                    retry_s = FIRST_RETRY_S
                    await self._hear(news)
            except Exception as error:
                log.info("lost the scheduler's events: %s", type(error).__name__)
            self._behind = True
            self._latest.clear()
            await asyncio.sleep(retry_s)
            retry_s = min(LAST_RETRY_S, 2 * retry_s)

    async def _hear(self, news: JobEvent | Snapshot) -> None:
        if isinstance(news, JobEvent):
            self.publish(news)
            return
        self._seen(news)
        known = news.places.keys() | news.running_eta_s.keys()
        stray = [job_id for job_id in self._watches if self._behind or job_id not in known]
        if await self._reread(stray):
            self._behind = False
        for job_id, watches in self._watches.items():
            if place := news.places.get(job_id):
                for watch in watches:
                    watch.put(place)

    async def _reread(self, job_ids: list[str]) -> bool:
        """Publish the present rows of these jobs, with one query for all; False if it failed.

        They are the watched jobs of which an event may have been missed: all of them after a new
        subscription, else those that the Scheduler neither runs nor has waiting (another Gateway
        may have cancelled them). Whatever changes after this read comes as an event, because rows
        are written before they are told.
        """
        if not job_ids:
            return True
        try:
            jobs = {job.id: job for job in await self._ledger.fetch(job_ids)}
        except Exception as error:
            log.warning("cannot read watched jobs now: %s", type(error).__name__)
            return False
        for job_id in job_ids:
            self.publish(event_of(jobs[job_id]) if job_id in jobs else _vanished(job_id))
        return True


def event_of(job: Job) -> JobEvent:
    """A row, told as an event."""
    return JobEvent(
        job_id=job.id,
        status=job.status,
        phase=job.phase,
        step=job.step,
        steps=job.spec.steps,
        failure=job.failure,
        note=job.history[-1] if job.history else None,
    )


def _vanished(job_id: str) -> JobEvent:
    """A watched job whose row is gone was deleted, and so cancelled."""
    return JobEvent(job_id=job_id, status=Status.CANCELLED, phase=None, step=0, steps=1)


def _place(phase: Phase | None, step: int) -> tuple[int, int]:
    return PHASES.index(phase), step
