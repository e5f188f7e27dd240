"""Stands in for the Scheduler and its gangs: drives rows to their end through the real ledger.

The first word of a prompt is its script: `queue` never starts, `hold` stops after one step until
it is cancelled or `release` is called, `fail` ends in failure, anything else becomes a clip.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

from autoscaling.admission import Situation
from autoscaling.load import Load, TierLoad
from autoscaling.promises import Stretch
from autoscaling.rules import Rules
from pipelines.cost import Calibration
from serve.accounts.news import AccountNews
from serve.artifacts.store import ArtifactStore, clip_prefix
from serve.gateway.live import event_of
from serve.jobs.job import Failure, Job, Note, Phase, Timings
from serve.jobs.store import Fence, JobStore
from serve.messages import Answered, GangStatus, JobEvent, QueuePlace, Snapshot, StoreErrors

SCAN_S = 0.5
TIMINGS = Timings(queue_s=0.01, encode_s=0.1, denoise_s=1.0, decode_s=0.2, gpu_s=1.3)
NUM_TIERS = len(Rules().tiers)
OPEN = Situation(
    load=Load(gpus=1.0, tiers=(TierLoad(),) * NUM_TIERS),
    levels=(0.0,) * NUM_TIERS,
    aside=(0.0,) * NUM_TIERS,
    stretch=Stretch(),
    rules=Rules(),
)


class FilmCrew:
    """A `SchedulerLink` whose other end is in the same process."""

    def __init__(self, store: JobStore, artifacts: ArtifactStore, clip: Mapping[str, bytes]):
        self.away = False
        self.notified: list[str] = []
        self.calibration = Calibration()
        self.situation: Situation | None = OPEN
        self.recent: frozenset[str] = frozenset()
        self.accounts: AccountNews | None = None
        self.deaf = False
        self.resting = False
        """Looks at no rows any more, while its snapshots go on."""
        self.looking = False
        self.reports: list[list[Answered]] = []
        self.num_subscriptions = 0
        self.store_errors: list[StoreErrors] = []
        self.page = b""
        self.took_epoch = asyncio.Event()
        self._store = store
        self._artifacts = artifacts
        self._clip = clip
        self._epoch = 0
        self._wake = asyncio.Event()
        self._released = asyncio.Event()
        self._places: dict[str, QueuePlace] = {}
        self._driven: dict[str, asyncio.Task[None]] = {}
        self._readers: set[asyncio.Queue[JobEvent | Snapshot | None]] = set()

    def snapshot(self) -> Snapshot | None:
        if self.away:
            return None
        gang = GangStatus(
            replica="r", pid=1, model="tiny", shape="1", devices=1, job_id=None, step=0
        )
        return Snapshot(
            epoch=self._epoch,
            gangs=(gang,),
            warm_models=frozenset({"tiny"}),
            places=dict(self._places),
            running_eta_s={job_id: 0.5 for job_id in self._driven},
            situation=self.situation,
            recent_accounts=self.recent,
            calibration=self.calibration,
            accounts=self.accounts,
            metrics=b"# TYPE filmgate_jobs_waiting gauge\nfilmgate_jobs_waiting 1\n",
            page=self.page,
        )

    def notify(self, job_id: str) -> None:
        self.notified.append(job_id)
        self._wake.set()

    async def report(self, answered: list[Answered]) -> None:
        if self.deaf:
            raise ConnectionError("the scheduler is away")
        self.reports.append(answered)

    async def failed(self, errors: StoreErrors) -> None:
        if self.deaf:
            raise ConnectionError("the scheduler is away")
        self.store_errors.append(errors)

    def silent_s(self) -> float | None:
        return 0.5

    async def events(self) -> AsyncIterator[JobEvent | Snapshot]:
        if self.away:
            raise ConnectionError("the scheduler is away")
        self.num_subscriptions += 1
        reader: asyncio.Queue[JobEvent | Snapshot | None] = asyncio.Queue()
        self._readers.add(reader)
        try:
            yield self._present()
            while (news := await reader.get()) is not None:
                yield news
        finally:
            self._readers.discard(reader)
        raise ConnectionError("the scheduler died")

    def hang_up(self) -> None:
        """Break every subscription, as a dying Scheduler does."""
        for reader in self._readers:
            reader.put_nowait(None)

    def release(self) -> None:
        """Let the jobs that hold go on."""
        self._released.set()

    async def run(self) -> None:
        self._epoch = await self._store.take_epoch()
        self.took_epoch.set()
        while True:
            self._wake.clear()
            self.looking = True
            await self._look()
            self.looking = False
            try:
                await asyncio.wait_for(self._wake.wait(), SCAN_S)
            except TimeoutError:
                continue

    async def _look(self) -> None:
        if self.away or self.resting:
            return
        for job in await self._store.owed():
            if not job.spec.prompt.startswith("queue"):
                now = time.time()
                note = Note(at=now, what="released", reason="room", text="There is room now.")
                await self._store.release(job, self._epoch, now, note)
        waiting = await self._store.waiting()
        kept = [job for job in waiting if job.spec.prompt.startswith("queue")]
        self._places = {
            job.id: QueuePlace(position=at, eta_s=10.0 * (at + 1)) for at, job in enumerate(kept)
        }
        for job in waiting:
            if job not in kept and job.id not in self._driven:
                self._driven[job.id] = asyncio.create_task(self._drive(job.id))
        self._publish(self._present())

    async def _drive(self, job_id: str) -> None:
        job = await self._store.start(job_id, self._epoch, time.time())
        if job is not None:
            await self._attempt(job)
        for row in await self._store.fetch([job_id]):
            self._publish(event_of(row))
        del self._driven[job_id]

    async def _attempt(self, job: Job) -> None:
        fence = Fence(job_id=job.id, epoch=job.epoch, attempt=job.attempt)
        for step in range(1, job.spec.steps + 1):
            if not await self._advance(fence, step):
                return
            self._publish(event_of(replace(job, phase=Phase.DENOISE, step=step)))
            if job.spec.prompt.startswith("hold") and not await self._may_go_on(fence):
                return
        if job.spec.prompt.startswith("fail"):
            failure = Failure(code="worker_crashed", message="The worker died three times.")
            await self._store.fail(fence, now=time.time(), failure=failure)
            return
        prefix = clip_prefix(job.id, job.attempt)
        for name, blob in self._clip.items():
            await self._artifacts.put(f"{prefix}{name}", blob)
        now = time.time()
        await self._store.complete(
            fence, now=now, clip_prefix=prefix, expires_at=now + 3600, timings=TIMINGS
        )

    async def _advance(self, fence: Fence, step: int) -> bool:
        return await self._store.advance(fence, phase=Phase.DENOISE, step=step, now=time.time())

    async def _may_go_on(self, fence: Fence) -> bool:
        while not self._released.is_set():
            if not await self._advance(fence, 1):
                return False
            await asyncio.sleep(0.02)
        return True

    def _present(self) -> Snapshot:
        snapshot = self.snapshot()
        assert snapshot is not None
        return snapshot

    def _publish(self, news: JobEvent | Snapshot) -> None:
        for reader in self._readers:
            reader.put_nowait(news)
