"""A caller that goes away in mid-write leaves the store usable, and the write whole or undone."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import event

from serve.jobs.job import Job
from serve.jobs.sql_store import SqlJobStore
from serve.jobs.store import IdempotencyClaim

MakeJob = Callable[..., Job]
POINTS = ("before_cursor_execute", "after_cursor_execute", "begin", "commit")


async def survives(store: SqlJobStore, write: Callable[[], Awaitable[object]], at: int) -> bool:
    """Whether the caller got its answer: it is cancelled at the `at`-th point of its write."""
    caller = asyncio.ensure_future(write())
    engine = store.engines.writer.sync_engine
    reached = 0

    def count(*_: object) -> None:
        nonlocal reached
        reached += 1
        if reached == at:
            caller.cancel()

    for point in POINTS:
        event.listen(engine, point, count)
    await asyncio.wait([caller])
    for point in POINTS:
        event.remove(engine, point, count)
    assert caller.cancelled() == (reached >= at)
    return not caller.cancelled()


@pytest.mark.timeout(60)
async def test_cancelled_inserts_are_whole_or_undone(
    store: SqlJobStore, second_store: SqlJobStore, make_job: MakeJob
) -> None:
    jobs: list[Job] = []
    for at in range(1, 100):
        job = make_job()
        claim = IdempotencyClaim(key=job.id, body_digest="d")
        jobs.append(job)
        if await survives(store, lambda: store.insert(job, max_waiting=500, claim=claim), at):  # noqa: B023
            break
    assert len(jobs) > 1  # it was cancelled at least once
    stored = {row.id for row in await store.waiting()}
    for job in jobs:
        claim = IdempotencyClaim(key=job.id, body_digest="d")
        for store_now in (store, second_store):
            again = await store_now.insert(job, max_waiting=500, claim=claim)
            assert again.replayed == (job.id in stored)
            stored.add(job.id)


@pytest.mark.timeout(60)
async def test_cancelled_single_writes_are_whole_or_undone(
    store: SqlJobStore, second_store: SqlJobStore
) -> None:
    for at in range(1, 100):
        before = await store.take_epoch()
        finished = await survives(store, store.take_epoch, at)
        after = await second_store.take_epoch()
        assert after - before in ((2,) if finished else (1, 2))
        if finished:
            return
    pytest.fail("the write never came to its end")


@pytest.mark.timeout(60)
async def test_callers_cancelled_at_any_time_leave_the_store_usable(
    store: SqlJobStore, second_store: SqlJobStore, make_job: MakeJob
) -> None:
    for turns in range(0, 6_000, 150):
        job = make_job()
        tasks = [
            asyncio.ensure_future(store.insert(job, max_waiting=500)),
            asyncio.ensure_future(store.get(job.id, job.account_id)),
            asyncio.ensure_future(store.take_epoch()),
        ]
        for _ in range(turns):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    assert await store.waiting() == await second_store.waiting()
    assert await second_store.take_epoch() < await store.take_epoch()
