"""One Idempotency-Key, one job: replayed, refused, expired, forgotten."""

from collections.abc import Callable
from typing import Any

import pytest

from serve.jobs.claims import ClaimedJob
from serve.jobs.job import Job, Status
from serve.jobs.store import (
    Allowance,
    IdempotencyClaim,
    IdempotencyMismatch,
    JobStore,
    QueueFull,
    TooManyJobs,
)

MakeJob = Callable[..., Job]
CLAIM = IdempotencyClaim(key="key-1", body_digest="digest-1", ttl_s=100.0)
OTHER_BODY = IdempotencyClaim(key="key-1", body_digest="digest-2", ttl_s=100.0)


async def test_the_same_request_is_answered_with_its_job_as_it_is_now(
    store: JobStore, make_job: MakeJob
) -> None:
    job = make_job()
    await store.insert(job, max_waiting=5, claim=CLAIM)
    await store.cancel(job.id, job.account_id, 1_005.0)
    again = await store.insert(make_job(), max_waiting=5, claim=CLAIM)
    assert again.replayed
    assert (again.job.id, again.job.status) == (job.id, Status.CANCELLED)
    assert await store.waiting() == []


async def test_another_request_under_the_same_key_is_refused(
    store: JobStore, make_job: MakeJob
) -> None:
    job = make_job()
    await store.insert(job, max_waiting=5, claim=CLAIM)
    with pytest.raises(IdempotencyMismatch):
        await store.insert(make_job(), max_waiting=5, claim=OTHER_BODY)
    assert await store.waiting() == [job]


async def test_keys_belong_to_their_account(store: JobStore, make_job: MakeJob) -> None:
    mine, theirs = make_job(), make_job(account_id="acct_b")
    await store.insert(mine, max_waiting=5, claim=CLAIM)
    assert not (await store.insert(theirs, max_waiting=5, claim=OTHER_BODY)).replayed
    assert await store.waiting() == [mine, theirs]


async def test_claims_are_found_many_at_a_time(store: JobStore, make_job: MakeJob) -> None:
    mine, theirs = make_job(), make_job(account_id="acct_b")
    await store.insert(mine, max_waiting=5, claim=CLAIM)
    await store.insert(theirs, max_waiting=5, claim=OTHER_BODY)
    asked = [(mine.account_id, "key-1"), ("acct_b", "key-1"), ("acct_b", "key-2"), ("c", "key-1")]
    found = await store.claimed(asked, mine.created_at)
    assert found == {
        asked[0]: ClaimedJob(job=mine, body_digest="digest-1"),
        asked[1]: ClaimedJob(job=theirs, body_digest="digest-2"),
    }
    assert await store.claimed(asked, theirs.created_at + CLAIM.ttl_s) == {}
    assert await store.claimed([], mine.created_at) == {}
    await store.delete(mine.id, mine.account_id, 1_005.0)
    assert (await store.claimed(asked, mine.created_at)).keys() == {asked[1]}


async def test_a_replay_needs_no_room_in_the_queue(store: JobStore, make_job: MakeJob) -> None:
    job = make_job()
    await store.insert(job, max_waiting=1, claim=CLAIM)
    assert (await store.insert(make_job(), max_waiting=1, claim=CLAIM)).job == job


async def test_a_refused_request_does_not_use_up_its_key(
    store: JobStore, make_job: MakeJob
) -> None:
    waiting = make_job()
    await store.insert(waiting, max_waiting=1)
    with pytest.raises(QueueFull):
        await store.insert(make_job(), max_waiting=1, claim=CLAIM)
    await store.cancel(waiting.id, waiting.account_id, 2_000.0)
    assert not (await store.insert(make_job(), max_waiting=1, claim=CLAIM)).replayed


async def test_an_expired_key_makes_a_new_job(store: JobStore, make_job: MakeJob) -> None:
    first = make_job(created_at=1_000.0)
    second = make_job(created_at=1_100.0)
    third = make_job(created_at=1_150.0)
    await store.insert(first, max_waiting=5, claim=CLAIM)
    assert not (await store.insert(second, max_waiting=5, claim=OTHER_BODY)).replayed
    assert (await store.insert(third, max_waiting=5, claim=OTHER_BODY)).job == second


async def test_deleting_a_job_frees_its_key(store: JobStore, make_job: MakeJob) -> None:
    first, second = make_job(), make_job()
    await store.insert(first, max_waiting=5, claim=CLAIM)
    await store.delete(first.id, first.account_id, 1_005.0)
    assert not (await store.insert(second, max_waiting=5, claim=CLAIM)).replayed
    assert await store.waiting() == [second]


async def test_clearing_up_drops_expired_keys_only(store: JobStore, make_job: MakeJob) -> None:
    old, young = make_job(created_at=1_000.0), make_job(created_at=1_060.0)
    await store.insert(old, max_waiting=5, claim=CLAIM)
    fresh = IdempotencyClaim(key="key-2", body_digest="digest-1", ttl_s=100.0)
    await store.insert(young, max_waiting=5, claim=fresh)
    await store.expire(1_120.0)
    # A clock that stands at 1_050 would still honour both keys, were the first not gone.
    assert not (
        await store.insert(make_job(created_at=1_050.0), max_waiting=5, claim=CLAIM)
    ).replayed
    replay = await store.insert(make_job(created_at=1_050.0), max_waiting=5, claim=fresh)
    assert replay.job == young


@pytest.mark.parametrize("key", ["", "k" * 10_000, "clé 雪", "nul\0", "\ud800"])
async def test_any_text_may_be_a_key(store: JobStore, make_job: MakeJob, key: str) -> None:
    claim = IdempotencyClaim(key=key, body_digest="d")
    job = make_job()
    await store.insert(job, max_waiting=5, claim=claim)
    assert (await store.insert(make_job(), max_waiting=5, claim=claim)).job == job


async def test_what_would_become_of_a_request_is_foreseen(
    store: JobStore, make_job: MakeJob
) -> None:
    few: dict[str, Any] = {"max_waiting": 1, "allowance": Allowance(live=1)}
    job = make_job()
    assert await store.foresee(job, claim=CLAIM, **few) is None
    assert await store.waiting() == [], "nothing is stored"
    await store.insert(job, claim=CLAIM, **few)
    again = await store.foresee(make_job(), claim=CLAIM, **few)
    assert again is not None
    assert (again.job, again.replayed) == (job, True)
    with pytest.raises(IdempotencyMismatch):
        await store.foresee(make_job(), claim=OTHER_BODY, **few)
    with pytest.raises(TooManyJobs):
        await store.foresee(make_job(), **few)
    with pytest.raises(QueueFull):
        await store.foresee(make_job(account_id="acct_b"), **few)
