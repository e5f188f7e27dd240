"""The rows of accounts: made, found, changed. Gateways hear of a change within seconds."""

import secrets
from typing import Any

from sqlalchemy import Insert, func, insert, select
from sqlalchemy.engine import RowMapping
from sqlalchemy.exc import IntegrityError

from serve.accounts.account import Account
from serve.accounts.changes import change_account
from serve.accounts.limits import stated
from serve.accounts.promotion import Promotion
from serve.accounts.tables import accounts
from serve.jobs.database import Engines
from serve.jobs.tables import usage
from serve.settings.accounts import Limits


class AccountExists(ValueError):
    """There is an account of this name already."""


class Roster:
    """The accounts of one database; times are Unix seconds."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    async def create_account(
        self,
        name: str,
        tier: str,
        now: float,
        *,
        region: str | None = None,
        invite: str | None = None,
    ) -> Account:
        """A new account; raises `AccountExists` when the name is taken."""
        account = new_account(name, tier, now, region=region, invite=invite)
        try:
            await self._engines.change(insertion(account))
        except IntegrityError as error:
            raise AccountExists(f"there is an account `{name}` already") from error
        return account

    async def get_account(self, account_id: str) -> Account | None:
        rows = await self._engines.rows(select(accounts).where(accounts.c.id == account_id))
        return to_account(rows[0]) if rows else None

    async def find_account(self, name: str) -> Account | None:
        """The account of this name."""
        rows = await self._engines.rows(select(accounts).where(accounts.c.name == name))
        return to_account(rows[0]) if rows else None

    async def list_accounts(self) -> list[Account]:
        """All accounts, oldest first."""
        query = select(accounts).order_by(accounts.c.created_at, accounts.c.id)
        return [to_account(row) for row in await self._engines.rows(query)]

    async def set_tier(self, account_id: str, tier: str) -> bool:
        """Its next jobs are of this tier; False when there is no such account."""
        return await self._change(account_id, tier=tier)

    async def set_region(self, account_id: str, region: str) -> bool:
        """It is turned away with its region from now on."""
        return await self._change(account_id, region=region)

    async def set_overrides(self, account_id: str, overrides: Limits) -> bool:
        """The account's own limits; those that are not set are its tier's again."""
        return await self._change(account_id, overrides=stated(overrides) or None)

    async def set_disabled(self, account_id: str, now: float | None) -> bool:
        """Refuse all its keys from now on; None lets them in again."""
        return await self._change(account_id, disabled_at=now)

    async def promoted(self, account: Account, rule: Promotion | None, now: float) -> Account:
        """The account as it is, or as it has just risen; asks nothing while it cannot rise."""
        if rule is None or not rule.may_be_due(account, now):
            return account
        clips = select(func.coalesce(func.sum(usage.c.clips), 0).label("clips")).where(
            usage.c.account_id == account.id
        )
        if not rule.due(account, now, (await self._engines.rows(clips))[0]["clips"]):
            return account
        from_here = accounts.c.tier == rule.tier
        await self._engines.transact(
            lambda connection: change_account(connection, account.id, from_here, tier=rule.to)
        )
        return await self.get_account(account.id) or account

    async def _change(self, account_id: str, **values: Any) -> bool:
        return await self._engines.transact(
            lambda connection: change_account(connection, account_id, **values)
        )


def new_account(
    name: str, tier: str, now: float, *, region: str | None, invite: str | None
) -> Account:
    """An account that nobody has stored yet."""
    return Account(
        id=f"acct_{secrets.token_hex(8)}",
        name=name,
        tier=tier,
        region=region,
        created_at=now,
        invite=invite,
    )


def insertion(account: Account) -> Insert:
    """The statement that stores a new account."""
    return insert(accounts).values(
        id=account.id,
        name=account.name,
        tier=account.tier,
        region=account.region,
        created_at=account.created_at,
        invite=account.invite,
    )


def to_account(row: RowMapping) -> Account:
    """The account that a row of the `accounts` table describes."""
    disabled_at = row["disabled_at"]
    return Account(
        id=row["id"],
        name=row["name"],
        tier=row["tier"],
        region=row["region"],
        created_at=float(row["created_at"]),
        invite=row["invite"],
        overrides=Limits.model_validate(row["overrides"] or {}),
        disabled_at=None if disabled_at is None else float(disabled_at),
    )
