"""Attempts side by side: the row decides, every end is settled, none is stopped by mistake."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from obstore.store import MemoryStore

from pipelines.spec import ClipSpec
from serve.artifacts.object_store import ObjectArtifacts
from serve.artifacts.store import checkpoint_key
from serve.deployments.attempt import AttemptParts, StageHandles
from serve.deployments.attempt_end import AttemptEnd
from serve.deployments.attempts import Attempts
from serve.deployments.gangs import Gangs
from serve.deployments.janitor import Janitor
from serve.deployments.messages import Decoded, StepEvent
from serve.jobs.database import open_engine
from serve.jobs.job import Job, Status
from serve.jobs.sql_store import SqlJobStore
from serve.jobs.upgrade import migrate

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
Event = StepEvent | Exception | asyncio.CancelledError


def event(kind: Any, step: int) -> StepEvent:
    return StepEvent(kind=kind, step=step, replica="gang", seconds=0.5)


WHOLE = [event("started", 0), event("step", 3), event("latents", 3)]


class Gang:
    """A denoiser's handle: each job's stream says what the test puts there."""

    def __init__(self) -> None:
        self.said: dict[str, asyncio.Queue[Event | None]] = {}
        self.cancelled: set[str] = set()

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

    def remote(self, order: Any, *_: Any) -> "Stream":
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
        self.encode = self.decode = self

    def remote(self, *args: Any) -> Reply:
        return Reply(self._answer(*args))


async def encoded(*_: Any) -> None:
    return None


async def decoded(job_id: str, attempt: int, _: ClipSpec) -> Decoded:
    return Decoded(prefix=f"jobs/{job_id}/clips/{attempt}/", seconds=0.25)


class Scene:
    """Everything around attempts, on an in-memory store that can be made to fail."""

    def __init__(self, store: SqlJobStore) -> None:
        self.store = store
        self.gang = Gang()
        self.artifacts = ObjectArtifacts(MemoryStore())
        self.gangs = Gangs(timeout_s=10)
        self.shown: list[Job] = []
        self.finished: list[Job] = []
        handles = StageHandles(encoder=Calls(encoded), denoiser=self.gang, decoder=Calls(decoded))
        parts = AttemptParts(
            ledger=store,
            artifacts=self.artifacts,
            gangs=self.gangs,
            retention_s=60.0,
            publish=self.shown.append,
            observe=lambda *_: None,
            redone=lambda *_: None,
            gang_freed=lambda: None,
        )
        self.attempts = Attempts(
            ledger=store,
            stages={"m": handles},
            parts=parts,
            end=AttemptEnd(store, max_crashes=3),
            janitor=Janitor(store, self.artifacts),
            finished=self.finished.append,
        )
        self.epoch = 0

    async def job(self, job_id: str) -> Job:
        """A job whose attempt has just been started in the store."""
        self.epoch = self.epoch or await self.store.take_epoch()
        job = Job(
            id=job_id,
            account_id="a",
            tier="free",
            model="m",
            spec=SPEC,
            status=Status.QUEUED,
            created_at=100.0,
            predicted_gpu_s=1.0,
        )
        await self.store.insert(job, max_waiting=99)
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


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    engines = open_engine("sqlite+aiosqlite://")
    await migrate(engines)
    store = SqlJobStore(engines)
    yield Scene(store)
    await store.close()


async def test_a_started_attempt_is_driven_to_its_clip(scene: Scene) -> None:
    job = await scene.job("one")
    scene.attempts.begin(job, have_latents=False)
    await scene.artifacts.put(checkpoint_key("one", 2), b"x")
    scene.gang.say("one", *WHOLE, None)
    await scene.over()
    assert (await scene.row("one")).status is Status.COMPLETED
    assert [done.status for done in scene.finished] == [Status.COMPLETED]
    assert not await scene.artifacts.list("jobs/one/checkpoints/"), "spent checkpoints are gone"


async def test_an_attempt_that_begins_while_rows_are_read_is_left_alone(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = await scene.job("one"), await scene.job("two")
    scene.attempts.begin(one, have_latents=False)
    fetch = scene.store.fetch

    async def fetch_meanwhile(ids: list[str]) -> list[Job]:
        rows = await fetch(ids)
        if "two" not in scene.attempts:
            scene.attempts.begin(two, have_latents=False)
        return rows

    with monkeypatch.context() as patch:
        patch.setattr(scene.store, "fetch", fetch_meanwhile)
        await scene.attempts.drop_moved_on()
    scene.gang.say("one", *WHOLE, None)
    scene.gang.say("two", *WHOLE, None)
    await scene.over()
    assert (await scene.row("two")).status is Status.COMPLETED


async def test_a_cancelled_row_stops_its_attempt(scene: Scene) -> None:
    scene.attempts.begin(await scene.job("one"), have_latents=False)
    scene.gang.say("one", event("started", 0))
    await until(lambda: any(job.step == 0 and job.phase == "denoise" for job in scene.shown))
    await scene.store.cancel("one", "a", 120.0)
    await scene.attempts.drop_moved_on()
    await scene.over()
    assert "one" in scene.gang.cancelled
    assert [done.status for done in scene.finished] == [Status.CANCELLED]
    assert (await scene.row("one")).status is Status.CANCELLED


async def test_a_row_that_ended_by_the_attempt_itself_does_not_cut_its_end_short(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.attempts.begin(await scene.job("one"), have_latents=False)
    await scene.artifacts.put(checkpoint_key("one", 2), b"x")
    complete = scene.store.complete

    async def complete_and_scan(*args: Any, **kwargs: Any) -> bool:
        published = await complete(*args, **kwargs)
        await scene.attempts.drop_moved_on()
        return published

    monkeypatch.setattr(scene.store, "complete", complete_and_scan)
    tidied = asyncio.Event()
    delete = scene.artifacts.delete

    async def delete_and_scan(keys: Any) -> None:
        await scene.attempts.drop_moved_on()
        await delete(keys)
        tidied.set()

    monkeypatch.setattr(scene.artifacts, "delete", delete_and_scan)
    scene.gang.say("one", *WHOLE, None)
    await asyncio.wait_for(tidied.wait(), 5)
    await scene.over()
    assert [done.status for done in scene.finished] == [Status.COMPLETED]
    assert not await scene.artifacts.list("jobs/one/checkpoints/")


async def test_a_call_that_ray_cancels_puts_the_job_back_in_the_queue(scene: Scene) -> None:
    scene.attempts.begin(await scene.job("one"), have_latents=False)
    scene.gang.say("one", event("started", 0), asyncio.CancelledError())
    await scene.over()
    job = await scene.row("one")
    assert (job.status, job.crashes) == (Status.QUEUED, 0)


async def test_a_deleted_job_whose_row_is_gone_is_told_as_cancelled(scene: Scene) -> None:
    scene.attempts.begin(await scene.job("one"), have_latents=False)
    await scene.store.delete("one", "a", 120.0)
    await scene.store.purge("one")
    scene.gang.say("one", *WHOLE, None)
    await scene.over()
    assert scene.shown[-1].status is Status.CANCELLED
    assert [done.status for done in scene.finished] == [Status.CANCELLED]


async def test_a_newer_attempt_is_not_told_as_what_the_older_one_left(scene: Scene) -> None:
    job = await scene.job("one")
    scene.attempts.begin(job, have_latents=False)
    told = len(scene.shown)
    await scene.attempts.conclude([replace(job, status=Status.QUEUED, phase=None)])
    assert len(scene.shown) == told
    scene.gang.say("one", *WHOLE, None)
    await scene.over()
