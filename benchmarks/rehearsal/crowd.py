"""Accounts of a rehearsal: made in the database, each with a key to ask with."""

import time
from collections.abc import Iterable, Mapping

from autoscaling.replay.jobs import SimJob
from serve.accounts.account import Account
from serve.accounts.accounts import Accounts, open_accounts
from serve.accounts.roster import insertion
from serve.jobs.database import Engines


async def move_in(engines: Engines, jobs: Iterable[SimJob]) -> dict[str, str]:
    """An account for everybody who asks; their keys by account."""
    return await let_in(engines, {job.account_id: job.tier for job in jobs})


async def let_in(engines: Engines, tiers: Mapping[str, str]) -> dict[str, str]:
    """Accounts by their ids and tiers; the key of each. Those that are there get one more key."""
    accounts, keys = open_accounts(engines), {}
    for account_id, tier in tiers.items():
        keys[account_id] = await _key(engines, accounts, account_id, tier)
    return keys


async def _key(engines: Engines, accounts: Accounts, account_id: str, tier: str) -> str:
    now = time.time()
    if await accounts.get_account(account_id) is None:
        account = Account(id=account_id, name=account_id, tier=tier, region=None, created_at=now)
        await engines.change(insertion(account))
    plain, _ = await accounts.create_key(account_id, now)
    return plain
