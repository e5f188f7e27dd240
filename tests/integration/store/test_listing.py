"""Listings are pages in order of arrival, stable while jobs come and go."""

from collections.abc import Callable

from serve.jobs.job import Job
from serve.jobs.store import JobStore

MakeJob = Callable[..., Job]


async def read_all(store: JobStore, *, limit: int, newest_first: bool) -> list[str]:
    """What a client sees that follows `has_more` to the end."""
    ids: list[str] = []
    after = None
    while True:
        page = await store.page("acct_a", after=after, limit=limit, newest_first=newest_first)
        assert page is not None
        assert len(page.jobs) <= limit
        ids += [job.id for job in page.jobs]
        if not page.has_more:
            return ids
        after = ids[-1]


async def test_pages_hold_every_job_of_the_account_once(store: JobStore, make_job: MakeJob) -> None:
    mine = [make_job() for _ in range(5)]
    twins = [make_job(created_at=mine[2].created_at) for _ in range(3)]  # ties fall to the id
    for job in [*mine, *twins, make_job(account_id="acct_b")]:
        await store.insert(job, max_waiting=100)
    oldest_first = [job.id for job in sorted(mine + twins, key=lambda j: (j.created_at, j.id))]
    for limit in (1, 2, 3, 8, 50):
        assert await read_all(store, limit=limit, newest_first=False) == oldest_first
        assert await read_all(store, limit=limit, newest_first=True) == oldest_first[::-1]


async def test_a_page_may_be_empty(store: JobStore, make_job: MakeJob) -> None:
    page = await store.page("acct_a", after=None, limit=10, newest_first=True)
    assert page
    assert (page.jobs, page.has_more) == ([], False)
    await store.insert(make_job(), max_waiting=1)
    page = await store.page("acct_a", after=None, limit=0, newest_first=True)
    assert page
    assert (page.jobs, page.has_more) == ([], True)


async def test_a_page_starts_only_after_a_job_of_the_account(
    store: JobStore, make_job: MakeJob
) -> None:
    theirs = make_job(account_id="acct_b")
    await store.insert(theirs, max_waiting=1)
    assert await store.page("acct_a", after=theirs.id, limit=5, newest_first=True) is None
    assert await store.page("acct_a", after="video_none", limit=5, newest_first=True) is None


async def test_a_client_may_delete_what_it_lists(store: JobStore, make_job: MakeJob) -> None:
    jobs = [make_job() for _ in range(5)]
    for job in jobs:
        await store.insert(job, max_waiting=100)
    seen: list[str] = []
    after = None
    while True:
        page = await store.page("acct_a", after=after, limit=2, newest_first=False)
        assert page is not None
        for job in page.jobs:
            seen.append(job.id)
            await store.delete(job.id, "acct_a", 2_000.0)
        if not page.has_more:
            break
        after = seen[-1]
    assert seen == [job.id for job in jobs]
