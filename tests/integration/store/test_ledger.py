"""The Scheduler's writes: epochs, attempts, and what a fence keeps out."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from serve.jobs.job import Failure, Job, Phase, Status, Timings
from serve.jobs.store import Fence, JobStore

MakeJob = Callable[..., Job]
CRASHED = Failure(code="worker_crashed", message="Its worker died three times.")


def fence_of(job: Job | None) -> Fence:
    assert job is not None
    return Fence(job_id=job.id, epoch=job.epoch, attempt=job.attempt)


async def started(store: JobStore, job: Job, now: float = 2_000.0) -> Fence:
    await store.insert(job, max_waiting=100)
    return fence_of(await store.start(job.id, await store.take_epoch(), now))


async def the(store: JobStore, job: Job) -> Job:
    [row] = await store.fetch([job.id])
    return row


async def test_epochs_grow_and_only_the_newest_holds(store: JobStore) -> None:
    first = await store.take_epoch()
    assert await store.holds(first)
    second = await store.take_epoch()
    assert second == first + 1
    assert (await store.holds(first), await store.holds(second)) == (False, True)


async def test_waiting_jobs_come_oldest_first(store: JobStore, make_job: MakeJob) -> None:
    jobs = [make_job() for _ in range(4)]
    for job in reversed(jobs):
        await store.insert(job, max_waiting=100)
    assert await store.waiting() == jobs


async def test_starting_makes_the_next_attempt(store: JobStore, make_job: MakeJob) -> None:
    job = make_job()
    await store.insert(job, max_waiting=1)
    epoch = await store.take_epoch()
    running = await store.start(job.id, epoch, 2_000.5)
    assert running == replace(
        job,
        status=Status.IN_PROGRESS,
        phase=Phase.ENCODE,
        epoch=epoch,
        attempt=1,
        started_at=2_000.5,
        attempt_started_at=2_000.5,
    )
    assert await the(store, job) == running
    assert await store.start(job.id, epoch, 2_001.0) is None


async def test_a_later_attempt_keeps_the_first_start_and_the_step(
    store: JobStore, make_job: MakeJob
) -> None:
    job = make_job()
    fence = await started(store, job)
    await store.advance(fence, phase=Phase.DENOISE, step=5, now=2_005.0)
    assert await store.requeue(fence, now=2_006.0, crashed=False)
    waiting = await the(store, job)
    assert (waiting.status, waiting.phase, waiting.step) == (Status.QUEUED, None, 5)
    assert (waiting.run_s, waiting.attempt_started_at, waiting.crashes) == (6.0, None, 0)

    again = await store.start(job.id, fence.epoch, 2_100.0)
    assert again
    assert (again.attempt, again.step, again.phase) == (2, 5, Phase.ENCODE)
    assert (again.started_at, again.attempt_started_at) == (2_000.0, 2_100.0)
    await store.complete(
        fence_of(again), now=2_110.0, clip_prefix="p/", expires_at=9e3, timings=Timings()
    )
    assert (await the(store, job)).run_s == 16.0


async def test_an_older_epoch_starts_nothing(store: JobStore, make_job: MakeJob) -> None:
    job = make_job()
    await store.insert(job, max_waiting=1)
    old, new = await store.take_epoch(), await store.take_epoch()
    assert await store.start(job.id, old, 2_000.0) is None
    assert await the(store, job) == job
    assert await store.start(job.id, new, 2_000.0)


async def test_unknown_and_ended_jobs_are_not_started(store: JobStore, make_job: MakeJob) -> None:
    job = make_job()
    await store.insert(job, max_waiting=1)
    await store.cancel(job.id, job.account_id, 2_000.0)
    epoch = await store.take_epoch()
    assert await store.start(job.id, epoch, 2_000.0) is None
    assert await store.start("video_none", epoch, 2_000.0) is None


async def test_completing_publishes_once(store: JobStore, make_job: MakeJob) -> None:
    job = make_job()
    fence = await started(store, job)
    timings = Timings(queue_s=1.5, encode_s=0.25, denoise_s=7.0, decode_s=1.0, gpu_s=8.25)
    await store.advance(fence, phase=Phase.DECODE, step=8, now=2_009.0)
    assert await store.complete(
        fence, now=2_010.0, clip_prefix="jobs/x/clips/1/", expires_at=9_000.0, timings=timings
    )
    done = await the(store, job)
    assert (done.status, done.phase, done.step) == (Status.COMPLETED, None, 8)
    assert (done.completed_at, done.expires_at, done.run_s) == (2_010.0, 9_000.0, 10.0)
    assert (done.clip_prefix, done.timings) == ("jobs/x/clips/1/", timings)
    assert not await store.complete(
        fence, now=2_011.0, clip_prefix="other/", expires_at=1.0, timings=Timings()
    )
    assert await the(store, job) == done


@pytest.mark.parametrize("timings", [None, Timings(queue_s=1.0, gpu_s=3.5)])
async def test_failing_states_the_reason(
    store: JobStore, make_job: MakeJob, timings: Timings | None
) -> None:
    job = make_job()
    fence = await started(store, job)
    assert await store.fail(fence, now=2_004.0, failure=CRASHED, timings=timings)
    failed = await the(store, job)
    assert (failed.status, failed.failure, failed.phase) == (Status.FAILED, CRASHED, None)
    assert (failed.completed_at, failed.run_s) == (2_004.0, 4.0)
    assert failed.timings == (timings or Timings())


async def test_a_job_that_waits_again_can_fail_under_its_last_fence(
    store: JobStore, make_job: MakeJob
) -> None:
    job = make_job()
    fence = await started(store, job)
    await store.requeue(fence, now=2_003.0, crashed=True)
    assert await store.fail(fence, now=2_004.0, failure=CRASHED)
    assert (await the(store, job)).run_s == 3.0


async def test_a_job_never_tried_can_fail(store: JobStore, make_job: MakeJob) -> None:
    job = make_job()
    await store.insert(job, max_waiting=1)
    assert await store.fail(fence_of(job), now=2_000.0, failure=CRASHED)
    failed = await the(store, job)
    assert (failed.status, failed.started_at, failed.run_s) == (Status.FAILED, None, 0.0)


async def test_crashes_count_until_the_job_gets_further(store: JobStore, make_job: MakeJob) -> None:
    job = make_job()
    fence = await started(store, job)
    counted = []
    for step in (0, 0, 4, 4, 4, 6):
        await store.advance(fence, phase=Phase.DENOISE, step=step, now=2_001.0)
        assert await store.requeue(fence, now=2_002.0, crashed=True)
        row = await the(store, job)
        counted.append((row.crashes, row.crash_step))
        fence = fence_of(await store.start(job.id, fence.epoch, 2_003.0))
    assert counted == [(1, 0), (2, 0), (1, 4), (2, 4), (3, 4), (1, 6)]


async def test_every_write_of_a_lost_attempt_is_refused(store: JobStore, make_job: MakeJob) -> None:
    job = make_job()
    fence = await started(store, job)
    await store.requeue(fence, now=2_001.0, crashed=False)
    now_running = await store.start(job.id, fence.epoch, 2_002.0)
    strangers = [
        fence,
        replace(fence, attempt=3),
        replace(fence, attempt=2, epoch=fence.epoch + 1),
        replace(fence, attempt=2, epoch=fence.epoch - 1),
        replace(fence, attempt=2, job_id="video_none"),
    ]
    for lost in strangers:
        assert not await store.advance(lost, phase=Phase.DECODE, step=8, now=2_003.0)
        assert not await store.requeue(lost, now=2_003.0, crashed=True)
        assert not await store.fail(lost, now=2_003.0, failure=CRASHED)
        assert not await store.complete(
            lost, now=2_003.0, clip_prefix="p/", expires_at=9e3, timings=Timings()
        )
    assert await the(store, job) == now_running


async def test_a_new_epoch_adopts_what_older_ones_left(store: JobStore, make_job: MakeJob) -> None:
    older, old, waiting, ended = make_job(), make_job(), make_job(), make_job()
    first = await started(store, older)
    second = await started(store, old, now=2_100.0)
    await store.insert(waiting, max_waiting=100)
    await store.insert(ended, max_waiting=100)
    await store.cancel(ended.id, ended.account_id, 2_100.0)
    await store.advance(second, phase=Phase.DENOISE, step=2, now=2_105.0)

    epoch = await store.take_epoch()
    adopted = await store.adopt(epoch, 50_000.0)
    assert [job.id for job in adopted] == [older.id, old.id]
    assert {job.status for job in adopted} == {Status.QUEUED}
    assert adopted == [await the(store, older), await the(store, old)]
    # Charged up to the last sign of life, not for the hours when nobody was there.
    assert [(job.run_s, job.step, job.crashes) for job in adopted] == [(0.0, 0, 0), (5.0, 2, 0)]
    assert await store.adopt(epoch, 50_001.0) == []
    for lost in (first, second):
        assert not await store.advance(lost, phase=Phase.DENOISE, step=3, now=50_001.0)


async def test_a_scheduler_does_not_adopt_its_own_or_newer_jobs(
    store: JobStore, make_job: MakeJob
) -> None:
    job = make_job()
    fence = await started(store, job)
    assert await store.adopt(fence.epoch, 2_001.0) == []
    assert await store.adopt(fence.epoch - 1, 2_001.0) == []
    assert await store.advance(fence, phase=Phase.DENOISE, step=1, now=2_002.0)


async def test_what_an_attempt_took_outlives_it(store: JobStore, make_job: MakeJob) -> None:
    job = make_job()
    fence = await started(store, job)
    taken = Timings(queue_s=1.5, denoise_s=2.5, gpu_s=2.5)
    await store.advance(fence, phase=Phase.DENOISE, step=2, now=2_001.0, timings=taken)
    await store.advance(fence, phase=Phase.DENOISE, step=3, now=2_002.0)
    await store.requeue(fence, now=2_003.0, crashed=True)
    again = await store.start(job.id, fence.epoch, 2_004.0)
    assert again is not None
    assert again.timings == taken


async def test_of_its_own_jobs_a_scheduler_adopts_those_that_nobody_runs(
    store: JobStore, make_job: MakeJob
) -> None:
    epoch = await store.take_epoch()
    run, lost = make_job(), make_job()
    for job in (run, lost):
        await store.insert(job, max_waiting=100)
        await store.start(job.id, epoch, 2_000.0)
    assert [job.id for job in await store.adopt(epoch, 2_001.0, running=[run.id])] == [lost.id]
    assert (await the(store, run)).status is Status.IN_PROGRESS
    assert (await the(store, lost)).status is Status.QUEUED
    assert [job.id for job in await store.adopt(epoch, 2_001.0, running=[])] == [run.id]


async def test_a_clock_that_goes_back_charges_nothing(store: JobStore, make_job: MakeJob) -> None:
    job = make_job()
    fence = await started(store, job)
    await store.requeue(fence, now=1_990.0, crashed=False)
    assert (await the(store, job)).run_s == 0.0
