"""What attempts need around them: an in-memory store, stages that do as told, and who listens."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

from obstore.store import MemoryStore

from autoscaling.placement import FreeGangs
from pipelines.spec import ClipSpec
from serve.artifacts.object_store import ObjectArtifacts
from serve.attempts.attempt import AttemptParts, StageHandles
from serve.attempts.attempt_end import AttemptEnd
from serve.attempts.attempts import Attempts
from serve.attempts.encode_ahead import EncodeAhead
from serve.attempts.gangs import Gangs
from serve.attempts.janitor import Janitor
from serve.jobs.job import Job, Status
from serve.jobs.sql_store import SqlJobStore
from serve.messages import Decoded, StepEvent

SPEC = ClipSpec(
    prompt="a red ball",
    negative_prompt="",
    width=96,
    height=96,
    num_frames=17,
    fps=8,
    steps=3,
    guidance_scale=3.0,
    seed=1,
    sound=True,
    has_image=False,
)
JOB = Job(
    id="",
    account_id="a",
    tier="free",
    model="m",
    spec=SPEC,
    status=Status.QUEUED,
    created_at=100.0,
    predicted_gpu_s=1.0,
)
GANG = FreeGangs(shape="1", devices=1, num_free=1)
"""What an attempt is given that denoises."""
Event = StepEvent | Exception | asyncio.CancelledError


def event(kind: Any, step: int) -> StepEvent:
    return StepEvent(kind=kind, step=step, replica="gang", seconds=0.5)


WHOLE = [event("started", 0), event("step", 3), event("latents", 3)]


class Gang:
    """A denoiser's handle: each job's stream says what the test puts there."""

    def __init__(self) -> None:
        self.said: dict[str, asyncio.Queue[Event | None]] = {}
        self.cancelled: set[str] = set()
        self.given: dict[str, Any] = {}

    def say(self, job_id: str, *events: Event | None) -> None:
        for one in events:
            self.of(job_id).put_nowait(one)

    def of(self, job_id: str) -> "asyncio.Queue[Event | None]":
        return self.said.setdefault(job_id, asyncio.Queue())

    def options(self, **_: Any) -> "Gang":
        return self

    @property
    def denoise(self) -> "Gang":
        return self

    def remote(self, order: Any, _: ClipSpec, encoded: Any) -> "Stream":
        self.given[order.job_id] = encoded
        return Stream(self, order.job_id)


class Stream:
    def __init__(self, gang: Gang, job_id: str) -> None:
        self._gang, self._job_id = gang, job_id

    async def __aiter__(self) -> AsyncIterator[StepEvent]:
        while (one := await self._gang.of(self._job_id).get()) is not None:
            if isinstance(one, BaseException):
                raise one
            yield one

    def cancel(self) -> None:
        self._gang.cancelled.add(self._job_id)


class Reply:
    """A handle's answer to a call, which can be cancelled."""

    def __init__(self, work: Awaitable[Any]) -> None:
        self._task = asyncio.ensure_future(work)

    def __await__(self) -> Any:
        return self._task.__await__()

    def cancel(self) -> None:
        self._task.cancel()


class Calls:
    """The handle of a stage that answers at once."""

    def __init__(self, answer: Callable[..., Awaitable[Any]]) -> None:
        self._answer = answer
        self.asked: list[Any] = []
        """First arguments of the calls."""
        self.replies: list[Reply] = []
        self.encode = self.decode = self

    def remote(self, *args: Any) -> Reply:
        self.asked.append(args[0])
        self.replies.append(Reply(self._answer(*args)))
        return self.replies[-1]


async def encoded(*_: Any) -> None:
    return None


class Heard:
    """What there was to learn, as words and values."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def began(self, job: Job) -> None:
        self.told.append(("began", job.attempt))

    def went_on(self, job: Job, step: int) -> None:
        self.told.append(("went on", step))

    def encoded(self, job: Job, cached: bool) -> None:
        self.told.append(("cached", cached))

    def observed(self, job: Job, stage: str, seconds: float, devices: int) -> None:
        self.told.append((stage, seconds))

    def broke(self, job: Job, error: BaseException) -> None:
        self.told.append(("broke", type(error).__name__))

    def lost(self, job: Job, steps: int) -> None:
        self.told.append(("lost", steps))


class Scene:
    """Everything around attempts, on an in-memory store that can be made to fail."""

    def __init__(self, store: SqlJobStore) -> None:
        self.store = store
        self.gang = Gang()
        self.artifacts = ObjectArtifacts(MemoryStore())
        self.gangs = Gangs(timeout_s=10, free_within_s=10)
        self.shown: list[Job] = []
        self.listeners: list[Callable[[Job], None]] = [self.shown.append]
        self.finished: list[Job] = []
        self.left: list[tuple[str, float]] = []
        self.encoder = Calls(encoded)
        self.decode_troubles: list[Exception] = []
        handles = StageHandles(
            encoder=self.encoder,
            denoisers={"1": self.gang, "tp2": self.gang},
            decoder=Calls(self._decode),
        )
        self.lessons = Heard()
        self.ahead = EncodeAhead(lambda job: self.encoder.remote(job.id), self.gangs)
        self.parts = parts = AttemptParts(
            ledger=store,
            artifacts=self.artifacts,
            gangs=self.gangs,
            ahead=self.ahead,
            retention_s=60.0,
            publish=self._publish,
            lessons=self.lessons,
            gang_freed=lambda: None,
        )
        self.attempts = Attempts(
            ledger=store,
            stages={"m": handles},
            parts=parts,
            end=AttemptEnd(store, self.artifacts, max_crashes=3, lost=self.lessons.lost),
            janitor=Janitor(store, self.artifacts),
            finished=self.finished.append,
            left=lambda job, gpu_s: self.left.append((job.id, gpu_s)),
            outage_pause_s=0.0,
        )
        self.epoch = 0

    async def _decode(self, job_id: str, attempt: int, _: ClipSpec) -> Decoded:
        if self.decode_troubles:
            raise self.decode_troubles.pop(0)
        return Decoded(prefix=f"jobs/{job_id}/clips/{attempt}/", seconds=0.25)

    def _publish(self, job: Job) -> None:
        for listener in self.listeners:
            listener(job)

    @staticmethod
    def now() -> float:
        """The clock that gangs are seen by."""
        return time.monotonic()

    async def queue(self, job_id: str, **fields: Any) -> Job:
        """A waiting job."""
        job = replace(JOB, id=job_id, **fields)
        await self.store.insert(job, max_waiting=99)
        return job

    async def job(self, job_id: str) -> Job:
        """A job whose attempt has just been started in the store."""
        self.epoch = self.epoch or await self.store.take_epoch()
        await self.queue(job_id)
        started = await self.store.start(job_id, self.epoch, 110.0)
        assert started is not None
        return started

    async def row(self, job_id: str) -> Job:
        (found,) = await self.store.fetch([job_id])
        return found

    async def over(self) -> None:
        """All attempts have ended, and what they leave is cleared away."""
        await until(lambda: not self.attempts._endings)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.001)
