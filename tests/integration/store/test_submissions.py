"""Jobs are taken in, shown to their account only, cancelled and forgotten."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from serve.jobs.job import Job, Phase, Status, Timings
from serve.jobs.sql_store import SqlJobStore, open_store
from serve.jobs.store import Fence, JobStore, QueueFull
from serve.jobs.upgrade import upgrade

MakeJob = Callable[..., Job]
UNSTORABLE_IDS = ["", "\0", "video_\0001", "\ud800", "vidéo", "a\nb", "x" * 10_000, "'; --"]


async def test_what_was_inserted_is_what_is_read(store: JobStore, make_job: MakeJob) -> None:
    job = make_job()
    inserted = await store.insert(job, max_waiting=1)
    assert (inserted.job, inserted.replayed) == (job, False)
    assert await store.get(job.id, job.account_id) == job
    assert await store.waiting() == [job]
    assert await store.fetch([job.id, "video_none"]) == [job]


@pytest.mark.parametrize(
    "text", ["naïve 雪 🎬", "nul\0inside", "lone \ud83d surrogate", '"\\\\"%s;--']
)
async def test_every_character_of_a_prompt_survives(
    store: JobStore, make_job: MakeJob, text: str
) -> None:
    made = make_job()
    job = replace(made, spec=replace(made.spec, prompt=text, negative_prompt=text))
    await store.insert(job, max_waiting=1)
    assert await store.get(job.id, job.account_id) == job


async def test_a_foreign_job_does_not_exist(store: JobStore, make_job: MakeJob) -> None:
    job = make_job()
    await store.insert(job, max_waiting=1)
    assert await store.get(job.id, "acct_b") is None
    assert await store.cancel(job.id, "acct_b", 2_000.0) is None
    assert await store.delete(job.id, "acct_b", 2_000.0) is False
    assert await store.get(job.id, job.account_id) == job


@pytest.mark.parametrize("job_id", UNSTORABLE_IDS)
async def test_any_text_may_be_asked_for_as_an_id(store: JobStore, job_id: str) -> None:
    assert await store.get(job_id, "acct_a") is None
    assert await store.cancel(job_id, "acct_a", 1.0) is None
    assert await store.delete(job_id, "acct_a", 1.0) is False
    assert await store.page("acct_a", after=job_id, limit=5, newest_first=True) is None


async def test_the_queue_is_full_at_its_limit(store: JobStore, make_job: MakeJob) -> None:
    first, second, third = make_job(), make_job(), make_job()
    await store.insert(first, max_waiting=2)
    await store.insert(second, max_waiting=2)
    with pytest.raises(QueueFull):
        await store.insert(third, max_waiting=2)
    assert await store.get(third.id, third.account_id) is None

    await store.start(first.id, await store.take_epoch(), 2_000.0)  # no longer waits
    await store.insert(third, max_waiting=2)
    assert await store.waiting() == [second, third]


async def test_jobs_of_lower_tiers_take_no_place(store: JobStore, make_job: MakeJob) -> None:
    for tier in ("new", "new", "old"):
        await store.insert(make_job(tier=tier), max_waiting=3)
    with pytest.raises(QueueFull):
        await store.insert(make_job(tier="new"), max_waiting=3)
    upper = {"pro", "enterprise"}
    await store.insert(make_job(tier="pro"), max_waiting=2, beside=upper)
    await store.insert(make_job(tier="enterprise"), max_waiting=1, beside={"enterprise"})
    with pytest.raises(QueueFull):
        await store.insert(make_job(tier="pro"), max_waiting=2, beside=upper)
    with pytest.raises(QueueFull):
        await store.insert(make_job(tier="enterprise"), max_waiting=1, beside={"enterprise"})


async def test_cancelling_a_waiting_job_ends_it(store: JobStore, make_job: MakeJob) -> None:
    job = make_job()
    await store.insert(job, max_waiting=1)
    cancelled = await store.cancel(job.id, job.account_id, 2_000.5)
    assert cancelled == replace(job, status=Status.CANCELLED, completed_at=2_000.5)
    assert await store.get(job.id, job.account_id) == cancelled
    assert await store.waiting() == []


async def test_cancelling_a_running_job_charges_its_seconds(
    store: JobStore, make_job: MakeJob
) -> None:
    job = make_job()
    await store.insert(job, max_waiting=1)
    started = await store.start(job.id, await store.take_epoch(), 2_000.0)
    assert started
    fence = Fence(job_id=job.id, epoch=started.epoch, attempt=started.attempt)
    await store.advance(fence, phase=Phase.DENOISE, step=3, now=2_003.0)
    cancelled = await store.cancel(job.id, job.account_id, 2_004.5)
    assert cancelled
    assert (cancelled.status, cancelled.phase, cancelled.step) == (Status.CANCELLED, None, 3)
    assert (cancelled.run_s, cancelled.completed_at) == (4.5, 2_004.5)
    assert not await store.advance(fence, phase=Phase.DENOISE, step=4, now=2_005.0)


async def test_cancelling_an_ended_job_changes_nothing(store: JobStore, make_job: MakeJob) -> None:
    job = make_job()
    await store.insert(job, max_waiting=1)
    started = await store.start(job.id, await store.take_epoch(), 2_000.0)
    assert started
    fence = Fence(job_id=job.id, epoch=started.epoch, attempt=started.attempt)
    await store.complete(
        fence, now=2_010.0, clip_prefix="p/", expires_at=9_000.0, timings=Timings(gpu_s=9.5)
    )
    done = await store.get(job.id, job.account_id)
    assert done
    assert done.status is Status.COMPLETED
    assert await store.cancel(job.id, job.account_id, 2_020.0) == done


async def test_deleting_forgets_the_prompt_and_hides_the_job(
    store: SqlJobStore, make_job: MakeJob
) -> None:
    job = make_job()
    await store.insert(job, max_waiting=1)
    assert await store.delete(job.id, job.account_id, 2_000.0)

    assert await store.get(job.id, job.account_id) is None
    assert await store.cancel(job.id, job.account_id, 2_001.0) is None
    assert await store.delete(job.id, job.account_id, 2_001.0) is False
    assert await store.waiting() == []
    [row] = await store.fetch([job.id])
    assert (row.spec.prompt, row.spec.negative_prompt) == ("", "")
    assert (row.status, row.completed_at, row.deleted_at) == (Status.CANCELLED, 2_000.0, 2_000.0)


@pytest.mark.parametrize("empty_url", ["sqlite"], indirect=True)
async def test_a_deleted_prompt_is_not_left_between_the_rows_of_the_file(
    store: SqlJobStore, make_job: MakeJob, tmp_path: Path
) -> None:
    spec = make_job().spec
    jobs = [make_job(spec=replace(spec, prompt=f"a secret wish {n} " * 40)) for n in range(8)]
    for job in jobs:
        await store.insert(job, max_waiting=8)
    for job in jobs[::2]:
        assert await store.delete(job.id, job.account_id, 2_000.0)
    await store.close()  # the last connection folds the log into the file
    (file,) = tmp_path.glob("filmgate.db*")
    left = [n for n in range(8) if f"a secret wish {n} ".encode() in file.read_bytes()]
    assert left == [1, 3, 5, 7]


async def test_deleting_a_running_job_ends_its_attempt(store: JobStore, make_job: MakeJob) -> None:
    job = make_job()
    await store.insert(job, max_waiting=1)
    started = await store.start(job.id, await store.take_epoch(), 2_000.0)
    assert started
    fence = Fence(job_id=job.id, epoch=started.epoch, attempt=started.attempt)
    assert await store.delete(job.id, job.account_id, 2_002.0)
    assert not await store.complete(
        fence, now=2_003.0, clip_prefix="p/", expires_at=9_000.0, timings=Timings()
    )
    [row] = await store.fetch([job.id])
    assert (row.status, row.clip_prefix, row.run_s) == (Status.CANCELLED, None, 2.0)


async def test_deleting_an_ended_job_keeps_how_it_ended(store: JobStore, make_job: MakeJob) -> None:
    job = make_job()
    await store.insert(job, max_waiting=1)
    await store.cancel(job.id, job.account_id, 1_500.0)
    assert await store.delete(job.id, job.account_id, 2_000.0)
    [row] = await store.fetch([job.id])
    assert (row.completed_at, row.deleted_at) == (1_500.0, 2_000.0)


async def test_many_jobs_are_fetched_at_once(store: JobStore, make_job: MakeJob) -> None:
    job = make_job()
    await store.insert(job, max_waiting=1)
    assert await store.fetch([f"video_none_{n}" for n in range(1_200)] + [job.id]) == [job]
    assert await store.fetch([]) == []


async def test_ping_needs_the_schema(empty_url: str) -> None:
    store = open_store(empty_url)
    with pytest.raises(DBAPIError):
        await store.ping()
    await upgrade(empty_url)
    await store.ping()
    await store.close()
