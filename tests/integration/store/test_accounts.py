"""Accounts and keys: shown once, stored hashed, refused at once."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from serve.accounts.account import Principal
from serve.accounts.accounts import Accounts, UnknownAccount
from serve.accounts.keys import make_key
from serve.accounts.roster import AccountExists
from serve.accounts.tables import api_keys
from serve.jobs.job import Job
from serve.jobs.sql_store import SqlJobStore

MakeJob = Callable[..., Job]


async def test_a_key_proves_its_account(accounts: Accounts) -> None:
    studio = await accounts.create_account("studio", "team", 1_000.5, region="eu")
    other = await accounts.create_account("other", "free", 1_001.5)
    plain, record = await accounts.create_key(studio.id, 1_002.5, name="laptop")
    await accounts.create_key(other.id, 1_003.5)
    proved = await accounts.authenticate(plain)
    assert proved == Principal(account=studio, key_id=record.id)
    assert (proved.account_id, proved.tier, studio.region) == (studio.id, "team", "eu")
    assert plain.startswith(f"{record.prefix}_")
    assert (record.account_id, record.name, record.created_at) == (studio.id, "laptop", 1_002.5)
    assert (record.last_used_at, record.revoked_at) == (None, None)


async def test_only_the_digest_is_stored(accounts: Accounts, store: SqlJobStore) -> None:
    studio = await accounts.create_account("studio", "team", 1_000.0)
    plain, _ = await accounts.create_key(studio.id, 1_002.0)
    [row] = await store.engines.rows(select(api_keys))
    secret = plain.split("_")[3]
    assert secret not in repr(dict(row))


async def test_a_wrong_key_proves_nothing(accounts: Accounts) -> None:
    studio = await accounts.create_account("studio", "team", 1_000.0)
    plain, record = await accounts.create_key(studio.id, 1_002.0)
    forged = make_key("live")
    same_id = plain.replace(plain.split("_")[3], forged.plain.split("_")[3])
    for wrong in (forged.plain, same_id, plain[:-1], plain.upper(), "", "sk-openai", "\0", "é"):
        assert await accounts.authenticate(wrong) is None
    assert await accounts.authenticate(plain)
    assert record.id in plain


async def test_a_revoked_key_is_refused_at_once(accounts: Accounts) -> None:
    studio = await accounts.create_account("studio", "team", 1_000.0)
    first, first_record = await accounts.create_key(studio.id, 1_001.0)
    second, second_record = await accounts.create_key(studio.id, 1_002.0)
    assert await accounts.revoke_key(first_record.id, 2_000.5)
    assert await accounts.authenticate(first) is None
    assert await accounts.authenticate(second)
    assert not await accounts.revoke_key(first_record.id, 2_001.0)
    assert not await accounts.revoke_key("none", 2_001.0)
    listed = await accounts.list_keys(studio.id)
    assert [(key.id, key.revoked_at) for key in listed] == [
        (first_record.id, 2_000.5),
        (second_record.id, None),
    ]


async def test_revoking_the_last_key_does_not_open_the_service(accounts: Accounts) -> None:
    assert not await accounts.any_keys()
    studio = await accounts.create_account("studio", "team", 1_000.0)
    assert not await accounts.any_keys()
    _, record = await accounts.create_key(studio.id, 1_001.0)
    await accounts.revoke_key(record.id, 1_002.0)
    assert await accounts.any_keys()


async def test_use_is_noted_once_a_minute(accounts: Accounts) -> None:
    studio = await accounts.create_account("studio", "team", 1_000.0)
    _, record = await accounts.create_key(studio.id, 1_001.0)
    noted = []
    for now in (2_000.0, 2_030.0, 2_060.0, 2_061.0):
        await accounts.note_use(record.id, now)
        [key] = await accounts.list_keys()
        noted.append(key.last_used_at)
    assert noted == [2_000.0, 2_000.0, 2_060.0, 2_060.0]


async def test_accounts_have_names_of_their_own(accounts: Accounts) -> None:
    studio = await accounts.create_account("studio", "team", 1_000.0)
    with pytest.raises(AccountExists):
        await accounts.create_account("studio", "free", 1_001.0)
    other = await accounts.create_account("other", "free", 1_002.0)
    assert await accounts.find_account("studio") == studio
    assert await accounts.find_account("nobody") is None
    assert await accounts.get_account(other.id) == other
    assert await accounts.get_account("acct_none") is None
    assert await accounts.list_accounts() == [studio, other]


async def test_a_key_needs_an_account(accounts: Accounts) -> None:
    with pytest.raises(UnknownAccount):
        await accounts.create_key("acct_none", 1_000.0)
    assert not await accounts.any_keys()
