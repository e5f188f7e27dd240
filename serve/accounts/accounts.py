"""Accounts and their API keys in SQL. A key is shown once, stored as a digest, revoked at once.

Nothing is cached here: who asks after `revoke_key` has returned is told. Gateways remember what
they were told (`remembered.py`), and hear of changes (`news.py`).
"""

from sqlalchemy import Insert, insert, or_, select, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from serve.accounts.account import KeyRecord, Principal
from serve.accounts.changes import change_account
from serve.accounts.keys import NewKey, key_id_of, make_key, matches
from serve.accounts.roster import Roster, to_account
from serve.accounts.tables import accounts, api_keys
from serve.jobs.database import Engines

USE_RECORDED_EVERY_S = 60.0


class UnknownAccount(LookupError):
    """There is no account with this id."""


class Accounts(Roster):
    """The accounts of one database and their keys; times are Unix seconds."""

    async def create_key(
        self, account_id: str, now: float, *, name: str = "", environment: str = "live"
    ) -> tuple[str, KeyRecord]:
        """A new key: the plain text, which cannot be had again, and what is stored of it.

        Raises `UnknownAccount`, or ValueError for an environment that is no short word.
        """
        key = make_key(environment)
        statement = key_insertion(key, account_id, now, name)
        try:
            [stored] = await self._engines.change_returning(statement.returning(api_keys))
        except IntegrityError as error:
            raise UnknownAccount(f"there is no account `{account_id}`") from error
        return key.plain, _key(stored)

    async def list_keys(self, account_id: str | None = None) -> list[KeyRecord]:
        """The keys of one account or of all, revoked ones too, oldest first."""
        query = select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id)
        if account_id is not None:
            query = query.where(api_keys.c.account_id == account_id)
        return [_key(row) for row in await self._engines.rows(query)]

    async def revoke_key(self, key_id: str, now: float) -> bool:
        """Refuse this key from now on; False when there is none or it is revoked already."""
        statement = (
            update(api_keys)
            .where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
            .values(revoked_at=now)
            .returning(api_keys.c.account_id)
        )

        async def revoke(connection: AsyncConnection) -> bool:
            account_id = await connection.scalar(statement)
            return account_id is not None and await change_account(connection, account_id)

        return await self._engines.transact(revoke)

    async def authenticate(self, plain_key: str) -> Principal | None:
        """Who holds this key, or None; a key that cannot be one costs no query."""
        key_id = key_id_of(plain_key)
        if key_id is None:
            return None
        query = (
            select(accounts, api_keys.c.digest)
            .join(accounts, accounts.c.id == api_keys.c.account_id)
            .where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
        )
        rows = await self._engines.rows(query)
        if not rows or not matches(plain_key, rows[0]["digest"]):
            return None
        return Principal(account=to_account(rows[0]), key_id=key_id)

    async def note_use(self, key_id: str, now: float) -> None:
        """Remember that a key was used, at most once a minute; for after the answer."""
        last = api_keys.c.last_used_at
        due = or_(last.is_(None), last <= now - USE_RECORDED_EVERY_S)
        statement = update(api_keys).where(api_keys.c.id == key_id, due).values(last_used_at=now)
        await self._engines.change(statement)

    async def any_keys(self) -> bool:
        """Whether a key was ever made: revoking the last one does not open the service to all."""
        return bool(await self._engines.rows(select(api_keys.c.id).limit(1)))


def open_accounts(engines: Engines) -> Accounts:
    """The accounts in an open database (`SqlJobStore.engines`, or `database.opened`)."""
    return Accounts(engines)


def key_insertion(key: NewKey, account_id: str, now: float, name: str) -> Insert:
    """The statement that stores a new key."""
    return insert(api_keys).values(
        id=key.id,
        account_id=account_id,
        name=name,
        prefix=key.prefix,
        digest=key.digest,
        created_at=now,
    )


def _key(row: RowMapping) -> KeyRecord:
    return KeyRecord(
        id=row["id"],
        account_id=row["account_id"],
        name=row["name"],
        prefix=row["prefix"],
        created_at=float(row["created_at"]),
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
    )
