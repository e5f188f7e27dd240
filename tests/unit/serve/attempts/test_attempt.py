"""An attempt writes only while it holds its fence, and what becomes of a job that broke."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from obstore.store import MemoryStore
from ray.exceptions import ActorDiedError

from autoscaling.placement import FreeGangs
from serve.artifacts.object_store import ObjectArtifacts
from serve.attempts.attempt import Attempt, AttemptParts, GangSilent, Outcome
from serve.attempts.attempt_end import AttemptEnd
from serve.attempts.encode_ahead import EncodeAhead
from serve.attempts.gangs import Gangs
from serve.jobs.database import open_engine
from serve.jobs.job import Job, Phase, Status
from serve.jobs.sql_store import SqlJobStore
from serve.jobs.upgrade import migrate
from tests.unit.serve.attempts.scene import GANG, Heard, event
from tests.unit.serve.attempts.scene import JOB as SCENE_JOB
from tests.unit.serve.attempts.stage_handles import Stages

JOB = replace(SCENE_JOB, id="video_1")
WHOLE = (
    event("started", 0),
    event("step", 1),
    event("step", 2),
    event("checkpoint", 2),
    event("step", 3),
    event("latents", 3),
)


@pytest.fixture
async def store() -> AsyncIterator[SqlJobStore]:
    engines = open_engine("sqlite+aiosqlite://")
    await migrate(engines)
    store = SqlJobStore(engines)
    yield store
    await store.close()


async def attempt_of(
    store: SqlJobStore,
    stages: Stages,
    gang: FreeGangs | None = GANG,
    job_id: str = JOB.id,
) -> tuple[Attempt, list[Job]]:
    epoch = await store.take_epoch()
    await store.insert(replace(JOB, id=job_id), max_waiting=9)
    job = await store.start(job_id, epoch, 110.0)
    assert job is not None
    return again(job, store, stages, gang)


def again(
    job: Job, store: SqlJobStore, stages: Stages, gang: FreeGangs | None = GANG
) -> tuple[Attempt, list[Job]]:
    shown: list[Job] = []
    gangs = Gangs(timeout_s=10, free_within_s=10)
    parts = AttemptParts(
        ledger=store,
        artifacts=ObjectArtifacts(MemoryStore()),
        gangs=gangs,
        ahead=EncodeAhead(stages.handles.encoder.remote, gangs),
        retention_s=60.0,
        publish=shown.append,
        lessons=Heard(),
        gang_freed=lambda: None,
    )
    return Attempt(job, stages.handles, parts, gang), shown


async def row(store: SqlJobStore) -> Job:
    (found,) = await store.fetch([JOB.id])
    return found


async def test_a_whole_attempt_publishes_once_and_shows_each_step(store: SqlJobStore) -> None:
    stages = Stages(WHOLE)
    attempt, shown = await attempt_of(store, stages)
    assert await attempt.run() is Outcome.PUBLISHED
    job = await row(store)
    assert job.status is Status.COMPLETED
    assert job.clip_prefix == "jobs/video_1/clips/1/"
    assert job.timings.queue_s == 10.0
    assert job.timings.denoise_s == 1.5
    assert job.timings.gpu_s == 0.5 + 1.5 + 0.25
    assert [(s.phase, s.step) for s in shown][-1] == (Phase.DECODE, 3)
    assert {s.step for s in shown} == {0, 1, 2, 3}


async def test_what_the_encoder_had_already_is_told_and_is_no_encoding(
    store: SqlJobStore,
) -> None:
    heard = Heard()
    for cached in (False, True):
        seconds = 0.0 if cached else 0.5
        started = replace(event("started", 0), cached=cached, seconds=seconds)
        stages = Stages((started, *WHOLE[1:]))
        attempt, _ = await attempt_of(store, stages, job_id=f"video_{cached}")
        attempt._parts = replace(attempt._parts, lessons=heard)
        await attempt.run()
    told = [each for each in heard.told if each[0] in ("cached", "encode")]
    assert told == [("cached", False), ("encode", 0.5), ("cached", True)]


async def test_stored_latents_are_not_denoised_again(store: SqlJobStore) -> None:
    stages = Stages((), RuntimeError("no gang is asked"))
    attempt, _ = await attempt_of(store, stages, gang=None)
    assert await attempt.run() is Outcome.PUBLISHED
    assert stages.decoded == [JOB.id]


async def test_a_cancelled_row_ends_the_attempt_at_its_next_write(store: SqlJobStore) -> None:
    stages = Stages(WHOLE)
    attempt, _ = await attempt_of(store, stages)
    await store.cancel(JOB.id, "a", 111.0)
    assert await attempt.run() is Outcome.LOST
    assert stages.stream.cancelled
    assert not stages.decoded
    assert (await row(store)).status is Status.CANCELLED


async def test_a_newer_scheduler_makes_the_older_ones_attempt_lose(store: SqlJobStore) -> None:
    attempt, _ = await attempt_of(store, Stages(WHOLE))
    newer = await store.take_epoch()
    await store.adopt(newer, 120.0)
    assert await attempt.run() is Outcome.LOST
    assert (await row(store)).status is Status.QUEUED


async def test_a_stream_that_ends_early_puts_the_job_back_without_blame(
    store: SqlJobStore,
) -> None:
    attempt, _ = await attempt_of(store, Stages(WHOLE[:4]))
    assert await attempt.run() is Outcome.INTERRUPTED
    await AttemptEnd(store, ObjectArtifacts(MemoryStore()), max_crashes=3).interrupted(
        attempt, 130.0
    )
    job = await row(store)
    assert (job.status, job.step, job.crashes) == (Status.QUEUED, 2, 0)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ActorDiedError(), "worker_crashed"),
        (GangSilent(), "worker_crashed"),
        (RuntimeError("bad"), "generation_failed"),
    ],
)
async def test_three_breaks_at_the_same_point_fail_the_job(
    store: SqlJobStore, error: Exception, code: str
) -> None:
    end = AttemptEnd(store, ObjectArtifacts(MemoryStore()), max_crashes=3)
    attempt, _ = await attempt_of(store, Stages(WHOLE[:3], error))
    for number in range(1, 4):
        with pytest.raises(type(error)):
            await attempt.run()
        await end.broken(attempt, error, 140.0 + number)
        job = await row(store)
        if number < 3:
            assert (job.status, job.crashes, job.step) == (Status.QUEUED, number, 0)
            started = await store.start(job.id, 1, 150.0)
            assert started is not None
            attempt, _ = again(started, store, Stages(WHOLE[:3], error))
    assert job.status is Status.FAILED
    assert job.failure is not None
    assert job.failure.code == code


async def test_a_new_checkpoint_is_progress_and_resets_the_count(store: SqlJobStore) -> None:
    end = AttemptEnd(store, ObjectArtifacts(MemoryStore()), max_crashes=3)
    died = ActorDiedError()
    attempt, _ = await attempt_of(store, Stages(WHOLE[:1], died))
    crashes = []
    for events in (WHOLE[:1], WHOLE[:4], (replace(WHOLE[0], step=2),), ()):
        with pytest.raises(ActorDiedError):
            await attempt.run()
        await end.broken(attempt, died, 140.0)
        crashes.append((await row(store)).crashes)
        started = await store.start(JOB.id, 1, 150.0)
        assert started is not None
        attempt, _ = again(started, store, Stages(events, died))
    assert crashes == [1, 2, 1, 2], "twice at step 0, then twice at step 2"


async def test_a_stopped_attempt_stops_its_decoder_too(store: SqlJobStore) -> None:
    stages = Stages(WHOLE)
    stages.endless = True
    attempt, _ = await attempt_of(store, stages, gang=None)
    task = asyncio.create_task(attempt.run())
    await asyncio.wait_for(stages.decoding.wait(), 5)
    task.cancel()
    await asyncio.wait_for(stages.stopped.wait(), 5)
