"""Deferred jobs, jobs that gave way, and what the policy remembers, on both databases."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from serve.jobs.job import Job, Note, Phase, Status
from serve.jobs.queued import QueueMark
from serve.jobs.sql_store import SqlJobStore
from serve.jobs.store import Fence, JobStore, QueueFull
from serve.jobs.tables import jobs

MakeJob = Callable[..., Job]
RELEASED = Note(at=1_500.0, what="released", reason="room", text="There is room.")
SUSPENDED = Note(at=2_001.0, what="suspended", reason="gave_way", text="It gave way.")


async def put(store: JobStore, *jobs: Job) -> None:
    for job in jobs:
        await store.insert(job, max_waiting=100)


async def the(store: JobStore, job: Job) -> Job:
    [row] = await store.fetch([job.id])
    return row


async def test_a_deferred_job_waits_for_no_gang_until_it_is_released(
    store: JobStore, make_job: MakeJob
) -> None:
    late, soon = make_job(promised_by=9_000.0), make_job(promised_by=5_000.0)
    plain = make_job()
    await put(store, late, soon, plain)
    assert await store.waiting() == [plain]
    assert await store.owed() == [soon, late]
    epoch = await store.take_epoch()
    released = await store.release(soon, epoch, 1_500.0, RELEASED)
    assert released == replace(soon, released_at=1_500.0, history=(RELEASED,))
    assert await store.waiting() == [released, plain]
    assert await store.owed() == [late]


async def test_what_is_queued_is_told_in_few_words(store: JobStore, make_job: MakeJob) -> None:
    plain, later, runs = make_job(), make_job(promised_by=5_000.0), make_job()
    await put(store, plain, later, runs)
    await store.start(runs.id, await store.take_epoch(), 2_000.0)
    marks = {mark.job_id: mark for mark in await store.queued()}
    assert marks == {
        plain.id: QueueMark(job_id=plain.id, attempt=0, deferred=False),
        later.id: QueueMark(job_id=later.id, attempt=0, deferred=True),
    }


async def test_a_job_is_released_once_by_the_newest_and_only_while_it_waits(
    store: JobStore, make_job: MakeJob
) -> None:
    job, gone, plain = make_job(promised_by=9e3), make_job(promised_by=9e3), make_job()
    await put(store, job, gone, plain)
    await store.cancel(gone.id, gone.account_id, 1_400.0)
    old, new = await store.take_epoch(), await store.take_epoch()
    assert await store.release(job, old, 1_500.0, RELEASED) is None
    assert (await the(store, job)).deferred
    for each in (gone, plain):
        assert await store.release(each, new, 1_500.0, RELEASED) is None
    assert await store.release(job, new, 1_500.0, RELEASED)
    assert await store.release(job, new, 1_600.0, RELEASED) is None
    assert (await the(store, job)).released_at == 1_500.0


async def test_a_promised_time_never_moves(store: SqlJobStore, make_job: MakeJob) -> None:
    """Whoever tries, and in whatever state the job is: the database refuses."""
    promised, plain = make_job(promised_by=9_000.0), make_job()
    await put(store, promised, plain)
    epoch = await store.take_epoch()

    async def refuses(job_id: str) -> None:
        for other in (9_000.5, 8_999.0, None):
            move = update(jobs).where(jobs.c.id == job_id).values(promised_by=other)
            with pytest.raises(IntegrityError, match="a promised time never moves"):
                await store.engines.change(move)

    await refuses(promised.id)
    await store.release(promised, epoch, 1_500.0, RELEASED)
    await refuses(promised.id)
    await store.start(promised.id, epoch, 2_000.0)
    await refuses(promised.id)
    await store.cancel(promised.id, promised.account_id, 2_001.0)
    await refuses(promised.id)
    same = update(jobs).values(promised_by=jobs.c.promised_by)
    assert await store.engines.change(same) == 2
    later = update(jobs).where(jobs.c.id == plain.id).values(promised_by=9_000.0)
    assert await store.engines.change(later) == 1, "it may be made once"
    await refuses(plain.id)


async def test_deferred_jobs_take_no_place_in_the_queue(store: JobStore, make_job: MakeJob) -> None:
    deferred = [make_job(promised_by=9_000.0 + n) for n in range(3)]
    await put(store, *deferred)
    await store.insert(make_job(), max_waiting=1)
    with pytest.raises(QueueFull):
        await store.insert(make_job(), max_waiting=1)
    await store.release(deferred[0], await store.take_epoch(), 1_500.0, RELEASED)
    with pytest.raises(QueueFull):
        await store.insert(make_job(), max_waiting=2)
    await store.insert(make_job(promised_by=9_000.0), max_waiting=1)


async def test_a_job_that_gives_way_is_suspended_until_it_starts_again(
    store: JobStore, make_job: MakeJob
) -> None:
    job = make_job()
    await put(store, job)
    epoch = await store.take_epoch()
    for times in (1, 2):
        running = await store.start(job.id, epoch, 2_000.0)
        assert running is not None
        fence = Fence(job_id=job.id, epoch=epoch, attempt=running.attempt)
        await store.advance(fence, phase=Phase.DENOISE, step=3, now=2_000.5)
        assert await store.requeue(
            fence, now=2_001.0, crashed=False, gave_way=True, history=(SUSPENDED,)
        )
        row = await the(store, job)
        assert (row.status, row.preemptions, row.suspended_at) == (Status.QUEUED, times, 2_001.0)
        assert (row.crashes, row.step, row.history) == (0, 3, (SUSPENDED,))
    again = await store.start(job.id, epoch, 2_010.0, history=())
    assert again is not None
    assert (again.suspended_at, again.preemptions, again.history) == (None, 2, ())
    assert not await store.requeue(fence, now=2_011.0, crashed=False, gave_way=True)


async def test_the_newest_scheduler_alone_is_remembered(store: JobStore) -> None:
    assert await store.recall("policy") is None
    old = await store.take_epoch()
    assert await store.remember("policy", {"a": [1, None, 2.5]}, old, 1.0)
    new = await store.take_epoch()
    assert not await store.remember("policy", {"a": []}, old, 2.0)
    assert await store.recall("policy") == {"a": [1, None, 2.5]}
    assert await store.remember("policy", "else", new, 3.0)
    assert await store.recall("policy") == "else"
    assert await store.recall("other") is None
