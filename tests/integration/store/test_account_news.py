"""Every change of an account is told, whoever makes it, and in order."""

import asyncio

from serve.accounts.account import Account
from serve.accounts.accounts import Accounts
from serve.accounts.changes import read_news
from serve.accounts.news import AccountNews
from serve.accounts.promotion import Promotion
from serve.jobs.sql_store import SqlJobStore
from serve.settings.accounts import Limits

AT_ONCE = Promotion(tier="new", to="free", after_s=0.0, after_clips=0)


async def ann_of(accounts: Accounts) -> tuple[Account, str]:
    """An account, and the id of its key."""
    ann = await accounts.create_account("ann", "new", 1_000.0)
    _, record = await accounts.create_key(ann.id, 1_001.0)
    return ann, record.id


async def test_each_kind_of_change_is_told(accounts: Accounts, store: SqlJobStore) -> None:
    ann, key_id = await ann_of(accounts)
    news = await read_news(store.engines, None)
    assert news.changed == {}
    changes = (
        lambda: accounts.set_tier(ann.id, "new"),
        lambda: accounts.set_overrides(ann.id, Limits(jobs_waiting=1)),
        lambda: accounts.set_disabled(ann.id, 2_000.0),
        lambda: accounts.promoted(ann, AT_ONCE, 2_000.0),
        lambda: accounts.revoke_key(key_id, 2_000.0),
    )
    for change in changes:
        await change()
        later = await read_news(store.engines, news)
        assert later.still_holds(ann.id, news.upto) is False
        assert later.still_holds("acct_other", news.upto)
        assert await read_news(store.engines, later) == later
        news = later


async def test_what_changes_nothing_is_not_told(accounts: Accounts, store: SqlJobStore) -> None:
    _, key_id = await ann_of(accounts)
    await accounts.revoke_key(key_id, 2_000.0)
    news = await read_news(store.engines, None)
    assert not await accounts.revoke_key(key_id, 2_001.0)
    assert not await accounts.set_tier("acct_none", "pro")
    assert (await read_news(store.engines, news)).changed == {}


async def test_no_change_is_missed_by_who_reads_among_them(
    accounts: Accounts, store: SqlJobStore
) -> None:
    """A number that is seen is that of a change after all others that are missing."""
    made = [await accounts.create_account(f"person {n}", "new", 1_000.0) for n in range(12)]
    first = news = await read_news(store.engines, None)
    told: set[str] = set()

    async def read_on(news: AccountNews) -> AccountNews:
        later = await read_news(store.engines, AccountNews(since=news.upto, upto=news.upto))
        told.update(later.changed)
        return later

    changing = [asyncio.create_task(accounts.set_tier(each.id, "pro")) for each in made]
    while not all(task.done() for task in changing):
        news = await read_on(news)
    await read_on(news)
    assert told == {each.id for each in made}
    assert (await read_news(store.engines, first)).changed.keys() == told
