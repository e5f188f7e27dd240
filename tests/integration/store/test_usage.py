"""What jobs took is written down with their end, once, and stays when they are deleted."""

from collections.abc import Callable

import pytest

from serve.jobs.job import Failure, Job, Timings
from serve.jobs.sql_store import SqlJobStore
from serve.jobs.store import Allowance, Fence, IdempotencyClaim, QuotaSpent, TooManyJobs
from serve.jobs.usage import Standing, Usage

MakeJob = Callable[..., Job]
DAY = 86_400.0
TOOK = Timings(gpu_s=8.0)


async def started(store: SqlJobStore, job: Job) -> Fence:
    await store.insert(job, max_waiting=99)
    epoch = await store.take_epoch()
    running = await store.start(job.id, epoch, job.created_at)
    assert running is not None
    return Fence(job_id=job.id, epoch=epoch, attempt=running.attempt)


async def completed(store: SqlJobStore, job: Job, now: float) -> None:
    fence = await started(store, job)
    assert await store.complete(fence, now=now, clip_prefix="p", expires_at=9e9, timings=TOOK)


async def test_each_end_is_counted_on_its_day(store: SqlJobStore, make_job: MakeJob) -> None:
    await completed(store, make_job(price_per_gpu_s=0.5), 2.5 * DAY)
    await completed(store, make_job(price_per_gpu_s=0.5), 3.0 * DAY)
    await completed(store, make_job(), 3.5 * DAY)
    await completed(store, make_job(account_id="acct_b"), 3.5 * DAY)
    failing = await started(store, make_job(price_per_gpu_s=0.5))
    failure = Failure(code="c", message="m")
    assert await store.fail(failing, now=3.6 * DAY, failure=failure, timings=TOOK)
    assert await store.usage("acct_a", "1970-01-03") == [
        Usage(day="1970-01-03", jobs=1, clips=1, gpu_s=8.0, price=4.0),
        Usage(day="1970-01-04", jobs=3, clips=2, gpu_s=24.0, price=4.0),
    ]
    assert [day.day for day in await store.usage("acct_a", "1970-01-04")] == ["1970-01-04"]
    assert await store.usage("acct_c", "1970-01-01") == []


async def test_a_cancelled_job_costs_what_it_took(store: SqlJobStore, make_job: MakeJob) -> None:
    job = make_job(price_per_gpu_s=0.25)
    fence = await started(store, job)
    phase = (await store.fetch([job.id]))[0].phase
    assert phase is not None
    await store.advance(fence, phase=phase, step=2, now=5.0, timings=Timings(gpu_s=3.0))
    cancelled = await store.cancel(job.id, job.account_id, 6.0)
    assert cancelled is not None
    assert cancelled.price == 0.75
    [day] = await store.usage("acct_a", "1970-01-01")
    assert (day.jobs, day.clips, day.gpu_s, day.price) == (1, 0, 3.0, 0.75)


async def test_an_end_that_lost_counts_nothing(store: SqlJobStore, make_job: MakeJob) -> None:
    job = make_job()
    fence = await started(store, job)
    await store.cancel(job.id, job.account_id, 6.0)
    assert not await store.complete(fence, now=7.0, clip_prefix="p", expires_at=9e9, timings=TOOK)
    assert not await store.fail(fence, now=7.0, failure=Failure(code="c", message="m"))
    await store.cancel(job.id, job.account_id, 8.0)
    [day] = await store.usage("acct_a", "1970-01-01")
    assert (day.jobs, day.gpu_s) == (1, 0.0)


async def test_deleting_gives_nothing_back(store: SqlJobStore, make_job: MakeJob) -> None:
    ended, live = make_job(), make_job()
    await completed(store, ended, 5_000.0)
    await store.insert(live, max_waiting=99)
    for job in (ended, live):
        assert await store.delete(job.id, job.account_id, 6_000.0)
        await store.purge(job.id)
    [day] = await store.usage("acct_a", "1970-01-01")
    assert (day.jobs, day.clips, day.gpu_s) == (2, 1, 8.0)


async def test_how_an_account_stands(store: SqlJobStore, make_job: MakeJob) -> None:
    await completed(store, make_job(), 5_000.0)
    await started(store, make_job())
    await store.insert(make_job(), max_waiting=99)
    await store.insert(make_job(account_id="acct_b"), max_waiting=99)
    assert await store.standing("acct_a", 6_000.0) == Standing(
        waiting=1, running=1, expected_gpu_s=25.0, used_gpu_s=8.0
    )
    assert (await store.standing("acct_a", DAY + 1)).used_gpu_s == 0.0


async def test_an_account_has_room_for_so_many_jobs(store: SqlJobStore, make_job: MakeJob) -> None:
    two_live, one_waits = Allowance(live=2), Allowance(waiting=1)
    first = make_job()
    await started(store, first)
    second = make_job(promised_by=9_000.0)
    claim = IdempotencyClaim(key="k", body_digest="d")
    await store.insert(second, max_waiting=99, allowance=two_live, claim=claim)
    for allowance in (two_live, one_waits):
        with pytest.raises(TooManyJobs) as refused:
            await store.insert(make_job(), max_waiting=99, allowance=allowance)
        assert refused.value.live == {first.id: None, second.id: 9_000.0}
    again = await store.insert(make_job(), max_waiting=99, allowance=two_live, claim=claim)
    assert again.replayed
    await store.insert(make_job(account_id="acct_b"), max_waiting=99, allowance=two_live)
    await store.cancel(first.id, first.account_id, 6_000.0)
    await store.insert(make_job(), max_waiting=99, allowance=two_live)


async def test_a_day_has_so_many_gpu_seconds(store: SqlJobStore, make_job: MakeJob) -> None:
    day = Allowance(gpu_s=30.0)
    await completed(store, make_job(), 5_000.0)
    inserted = await store.insert(make_job(), max_waiting=99, allowance=day)
    assert inserted.left_gpu_s == 30.0 - 8.0 - 12.5
    with pytest.raises(QuotaSpent) as refused:
        await store.insert(make_job(), max_waiting=99, allowance=day)
    assert refused.value.committed_gpu_s == 20.5
    small = await store.insert(make_job(predicted_gpu_s=9.5), max_waiting=99, allowance=day)
    assert small.left_gpu_s == 0.0
    tomorrow = make_job(created_at=DAY + 1.0, predicted_gpu_s=1.0)
    assert (await store.insert(tomorrow, max_waiting=99, allowance=day)).left_gpu_s == 7.0
