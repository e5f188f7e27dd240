"""Two processes' worth of connections at once: exactly one of them wins, whatever the order."""

import asyncio
from collections.abc import Callable

from serve.jobs.job import Job, Phase, Status, Timings
from serve.jobs.store import (
    Allowance,
    Fence,
    IdempotencyClaim,
    Inserted,
    JobStore,
    QueueFull,
    QuotaSpent,
    TooManyJobs,
)

MakeJob = Callable[..., Job]
ROUNDS = 25


async def running(store: JobStore, job: Job) -> Fence:
    await store.insert(job, max_waiting=1_000)
    started = await store.start(job.id, await store.take_epoch(), 2_000.0)
    assert started
    return Fence(job_id=job.id, epoch=started.epoch, attempt=started.attempt)


async def the(store: JobStore, job: Job) -> Job:
    [row] = await store.fetch([job.id])
    return row


async def complete(store: JobStore, fence: Fence, prefix: str) -> bool:
    return await store.complete(
        fence, now=2_010.0, clip_prefix=prefix, expires_at=9e3, timings=Timings()
    )


async def test_cancel_or_complete(
    store: JobStore, second_store: JobStore, make_job: MakeJob
) -> None:
    for _ in range(ROUNDS):
        job = make_job()
        fence = await running(store, job)
        published, cancelled = await asyncio.gather(
            complete(store, fence, "p/"), second_store.cancel(job.id, job.account_id, 2_010.0)
        )
        assert cancelled
        assert published == (cancelled.status is Status.COMPLETED)
        row = await the(store, job)
        assert row == cancelled
        assert (row.clip_prefix is not None) == published


async def test_two_writers_publish_one_clip(
    store: JobStore, second_store: JobStore, make_job: MakeJob
) -> None:
    for _ in range(ROUNDS):
        job = make_job()
        fence = await running(store, job)
        won = await asyncio.gather(
            complete(store, fence, "first/"), complete(second_store, fence, "second/")
        )
        assert sorted(won) == [False, True]
        assert (await the(store, job)).clip_prefix == ("first/" if won[0] else "second/")


async def test_start_or_cancel(store: JobStore, second_store: JobStore, make_job: MakeJob) -> None:
    epoch = await store.take_epoch()
    for _ in range(ROUNDS):
        job = make_job()
        await store.insert(job, max_waiting=1_000)
        started, cancelled = await asyncio.gather(
            store.start(job.id, epoch, 2_000.0),
            second_store.cancel(job.id, job.account_id, 2_000.0),
        )
        assert cancelled
        row = await the(store, job)
        assert (row.status, row.attempt) == (Status.CANCELLED, 0 if started is None else 1)


async def test_two_schedulers_start_each_job_once(
    store: JobStore, second_store: JobStore, make_job: MakeJob
) -> None:
    jobs = [make_job() for _ in range(ROUNDS)]
    for job in jobs:
        await store.insert(job, max_waiting=1_000)
    epoch = await store.take_epoch()

    async def start_all(scheduler: JobStore) -> list[Job | None]:
        return [await scheduler.start(job.id, epoch, 2_000.0) for job in jobs]

    first, second = await asyncio.gather(start_all(store), start_all(second_store))
    for one, other in zip(first, second, strict=True):
        assert [one, other].count(None) == 1
    assert {job.attempt for job in await store.fetch([job.id for job in jobs])} == {1}


async def test_no_start_of_an_old_epoch_slips_past_adoption(
    store: JobStore, second_store: JobStore, make_job: MakeJob
) -> None:
    async def start_all(jobs: list[Job], epoch: int) -> None:
        await asyncio.gather(*(store.start(job.id, epoch, 2_000.0) for job in jobs))

    async def take_over() -> int:
        epoch = await second_store.take_epoch()
        await second_store.adopt(epoch, 2_001.0)
        return epoch

    old = await store.take_epoch()
    for _ in range(ROUNDS):
        jobs = [make_job() for _ in range(4)]
        for job in jobs:
            await store.insert(job, max_waiting=1_000)
        new, _ = await asyncio.gather(take_over(), start_all(jobs, old))
        for row in await store.fetch([job.id for job in jobs]):
            assert row.status is Status.QUEUED
            await store.cancel(row.id, row.account_id, 2_002.0)
        old = new


async def test_adopt_or_advance(store: JobStore, second_store: JobStore, make_job: MakeJob) -> None:
    for _ in range(ROUNDS):
        job = make_job()
        fence = await running(store, job)
        epoch = await second_store.take_epoch()
        kept, adopted = await asyncio.gather(
            store.advance(fence, phase=Phase.DENOISE, step=5, now=2_001.0),
            second_store.adopt(epoch, 2_002.0),
        )
        assert [row.id for row in adopted] == [job.id]
        assert not await store.advance(fence, phase=Phase.DENOISE, step=6, now=2_003.0)
        row = await the(store, job)
        assert (row.status, row.step) == (Status.QUEUED, 5 if kept else 0)
        await store.cancel(job.id, job.account_id, 2_004.0)


async def test_epochs_are_taken_one_by_one(store: JobStore, second_store: JobStore) -> None:
    epochs = await asyncio.gather(
        *((store, second_store)[number % 2].take_epoch() for number in range(20))
    )
    assert sorted(epochs) == list(range(1, 21))


async def test_the_limit_holds_under_a_rush(
    store: JobStore, second_store: JobStore, make_job: MakeJob
) -> None:
    async def submit(number: int) -> bool:
        try:
            await (store, second_store)[number % 2].insert(make_job(), max_waiting=5)
        except QueueFull:
            return False
        return True

    accepted = await asyncio.gather(*(submit(number) for number in range(30)))
    assert sum(accepted) == 5
    assert len(await store.waiting()) == 5


async def test_an_accounts_limits_hold_under_a_rush(
    store: JobStore, second_store: JobStore, make_job: MakeJob
) -> None:
    async def submit(number: int, allowance: Allowance) -> bool:
        job = make_job(account_id=f"acct_{number % 2}")
        try:
            to = (store, second_store)[number // 2 % 2]
            await to.insert(job, max_waiting=1_000, allowance=allowance)
        except (TooManyJobs, QuotaSpent):
            return False
        return True

    three = Allowance(live=3)
    taken = await asyncio.gather(*(submit(number, three) for number in range(24)))
    assert sum(taken) == 6, "three of each account"
    as_many = Allowance(gpu_s=5 * 12.5)
    taken = await asyncio.gather(*(submit(number, as_many) for number in range(24)))
    assert sum(taken) == 4, "two more of each"


async def test_one_key_makes_one_job(
    store: JobStore, second_store: JobStore, make_job: MakeJob
) -> None:
    async def submit(to: JobStore, job: Job, claim: IdempotencyClaim) -> Inserted:
        return await to.insert(job, max_waiting=1_000, claim=claim)

    for number in range(ROUNDS):
        # The key is known from an expired request: replacing it must not make two jobs either.
        claim = IdempotencyClaim(key=f"key-{number % 5}", body_digest="d", ttl_s=0.5)
        jobs = [make_job(created_at=5_000.0 + number) for _ in range(6)]
        answers = await asyncio.gather(
            *(submit((store, second_store)[n % 2], job, claim) for n, job in enumerate(jobs))
        )
        assert sorted(answer.replayed for answer in answers) == [False] + [True] * 5
        assert len({answer.job.id for answer in answers}) == 1
    assert len(await store.waiting()) == ROUNDS
