"""Clips expire; deleted jobs stay known until their artifacts are gone."""

from collections.abc import Callable

from serve.jobs.job import Job, Status, Timings
from serve.jobs.store import Fence, IdempotencyClaim, JobStore

MakeJob = Callable[..., Job]


async def completed(store: JobStore, job: Job, expires_at: float) -> None:
    await store.insert(job, max_waiting=100)
    epoch = await store.take_epoch()
    running = await store.start(job.id, epoch, 2_000.0)
    assert running
    assert await store.complete(
        Fence(job_id=job.id, epoch=epoch, attempt=running.attempt),
        now=2_010.0,
        clip_prefix=f"{job.id}/",
        expires_at=expires_at,
        timings=Timings(),
    )


async def test_a_clip_expires_once(store: JobStore, make_job: MakeJob) -> None:
    due, later, waiting = make_job(), make_job(), make_job()
    await completed(store, due, expires_at=3_000.0)
    await completed(store, later, expires_at=3_000.5)
    await store.insert(waiting, max_waiting=100)
    assert await store.expire(2_999.0) == []
    [expired] = await store.expire(3_000.0)
    assert (expired.id, expired.status, expired.progress) == (due.id, Status.EXPIRED, 100)
    assert await store.expire(3_000.0) == []
    assert await store.get(due.id, due.account_id) == expired


async def test_deleted_jobs_are_doomed_until_purged(store: JobStore, make_job: MakeJob) -> None:
    jobs = [make_job() for _ in range(3)]
    for number, job in enumerate(jobs):
        await completed(store, job, expires_at=3_000.0)
        await store.delete(job.id, job.account_id, 5_000.0 - number)
    assert await store.expire(4_000.0) == []
    assert await store.doomed(10) == [job.id for job in reversed(jobs)]
    assert await store.doomed(1) == [jobs[2].id]
    await store.purge(jobs[2].id)
    await store.purge(jobs[2].id)
    assert await store.doomed(10) == [jobs[1].id, jobs[0].id]
    assert await store.fetch([jobs[2].id]) == []


async def test_only_deleted_jobs_are_purged(store: JobStore, make_job: MakeJob) -> None:
    job = make_job()
    await store.insert(job, max_waiting=1, claim=IdempotencyClaim(key="k", body_digest="d"))
    await store.purge(job.id)
    assert await store.get(job.id, job.account_id) == job
