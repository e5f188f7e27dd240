"""Signing up in SQL: an account at once, or a place on the waitlist that becomes one.

Sign-ups take turns on one lock, so that entries, invitations and the list hold exactly, over all
Gateways. Calling a place (`calling.py`) only marks it. Its account is made when it is claimed, and
a claim may be repeated with the same token until the account's first key was used: each time the
key before is revoked and another one told, so that an answer that got lost costs nothing.
"""

import secrets
from dataclasses import replace
from math import inf, nextafter

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from autoscaling.newcomers import Applicant, Entry, signs_up
from serve.accounts.accounts import key_insertion
from serve.accounts.bucket import bucket, entries_taken, locked, take_entry
from serve.accounts.calling import Calling
from serve.accounts.changes import change_account
from serve.accounts.invitations import invite_of, use_invite
from serve.accounts.keys import NewKey, digest_of, make_key, matches
from serve.accounts.newcomer import (
    Claimed,
    NameWaits,
    NotCalled,
    NotLetIn,
    Opened,
    Place,
    RegionNeeded,
    SignUp,
    UnknownPlace,
    WaitlistFull,
)
from serve.accounts.roster import AccountExists, insertion, new_account, to_account
from serve.accounts.rules import Rules
from serve.accounts.tables import accounts, api_keys, waitlist
from serve.accounts.waiting import closed_regions, num_waiting, to_place, told
from serve.jobs.database import Engines


class Newcomers(Calling):
    """Everything about those who have no account yet; times are Unix seconds."""

    async def sign_up(self, asked: SignUp, rules: Rules, now: float) -> Opened | Place:
        """An account, or a place on the list; asking again with a place's token tells it again.

        Raises `NotLetIn`, `RegionNeeded`, `AccountExists`, `NameWaits` or `WaitlistFull`.
        """

        async def come_in(connection: AsyncConnection) -> Opened | Place:
            taken = await locked(connection)
            await _check_name(connection, asked.name)
            own = await _own_place(connection, asked)
            if own is not None and (asked.invite is None or own["called_at"] is not None):
                return await self._tell(connection, own, taken, rules, now)
            entry = await _entry(connection, asked, taken, rules, now)
            if entry is Entry.WAITLIST:
                token = f"fgw_{secrets.token_hex(32)}"
                row = await _put_on_list(connection, asked, digest_of(token), rules, now)
                place = await self._tell(connection, row, taken, rules, now)
                return replace(place, token=token)
            if entry is Entry.OPENED and rules.door.gate:
                await take_entry(connection)
            if own is not None:
                await connection.execute(delete(waitlist).where(waitlist.c.id == own["id"]))
            return await _open(connection, asked, make_key("live"), rules, now)

        if asked.invite and not asked.token:
            # Sign-ups take turns: who guesses at codes is turned away before.
            await self._engines.read(lambda connection: _check_code(connection, asked, now))
        return await self._transact(come_in)

    async def place(self, place_id: str, token: str, rules: Rules, now: float) -> Place:
        """Where it stands; raises `UnknownPlace`."""

        async def look(connection: AsyncConnection) -> Place:
            row = await _proved(connection, place_id, token)
            taken = await entries_taken(connection)
            return await self._tell(connection, row, taken, rules, now)

        return await self._engines.read(look)

    async def claim(self, place_id: str, token: str, rules: Rules, now: float) -> Opened:
        """The account of a called place, with a key that takes the place of an earlier one.

        Raises `UnknownPlace`, `NotCalled`, `Claimed`, or `AccountExists` where an operator has
        given its name to somebody else.
        """

        async def take(connection: AsyncConnection) -> Opened:
            taken = await locked(connection)
            row = await _proved(connection, place_id, token)
            if row["called_at"] is None:
                raise NotCalled(await self._tell(connection, row, taken, rules, now))
            key = make_key("live")
            if row["account_id"] is None:
                await _check_name(connection, row["name"])
                asked = SignUp(name=row["name"], region=row["region"])
                opened = await _open(connection, asked, key, rules, now)
            else:
                opened = await _again(connection, row, key, now)
            values = {"account_id": opened.account.id, "key_id": key.id}
            mine = waitlist.c.id == place_id
            await connection.execute(update(waitlist).where(mine).values(values))
            return opened

        # Sign-ups take turns: who has no token to show is turned away before.
        await self._engines.read(lambda connection: _proved(connection, place_id, token))
        return await self._transact(take)

    async def _tell(
        self, connection: AsyncConnection, row: RowMapping, taken: int, rules: Rules, now: float
    ) -> Place:
        return await told(
            connection,
            to_place(row, rules.door.claim_within_s),
            closed=await closed_regions(connection, now),
            sign_ups=await bucket(connection, taken, rules.door.burst, now),
            rules=rules,
            now=now,
        )


def open_newcomers(engines: Engines) -> Newcomers:
    """The newcomers of an open database."""
    return Newcomers(engines)


async def _check_name(connection: AsyncConnection, name: str) -> None:
    if await connection.scalar(select(accounts.c.id).where(accounts.c.name == name)):
        raise AccountExists(f"there is an account `{name}` already")


async def _own_place(connection: AsyncConnection, asked: SignUp) -> RowMapping | None:
    """The place that is held under this name; raises `NameWaits` if the token is not its."""
    query = select(waitlist).where(waitlist.c.name == asked.name)
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is not None and not (asked.token and matches(asked.token, row["token_digest"])):
        raise NameWaits(asked.name)
    return row


async def _entry(
    connection: AsyncConnection, asked: SignUp, taken: int, rules: Rules, now: float
) -> Entry:
    """What becomes of it, an invitation's entry taken; raises `NotLetIn` or `RegionNeeded`."""
    closed = await closed_regions(connection, now)
    if closed and asked.region is None:
        raise RegionNeeded
    entry = signs_up(
        Applicant(id="", asked_at=now, region=asked.region),
        waiting=await num_waiting(connection, closed),
        sign_ups=await bucket(connection, taken, rules.door.burst, now),
        rule=rules.sign_up_rule(closed),
        invite=await invite_of(connection, asked.invite) if asked.invite else None,
    )
    if entry is Entry.INVITED and asked.invite:
        left = await use_invite(connection, asked.invite, now)
        entry = Entry.INVITED if left else Entry.NO_INVITE
    if entry is Entry.WAITLIST and not rules.door.gate:
        return Entry.OPENED
    if entry not in (Entry.OPENED, Entry.INVITED, Entry.WAITLIST):
        raise NotLetIn(entry)
    return entry


async def _check_code(connection: AsyncConnection, asked: SignUp, now: float) -> None:
    """Raise `NotLetIn` for a code that lets nobody in."""
    invite = await invite_of(connection, asked.invite or "")
    if invite.entries_left <= 0 or now >= invite.expires_at:
        raise NotLetIn(Entry.NO_INVITE)


async def _put_on_list(
    connection: AsyncConnection, asked: SignUp, digest: str, rules: Rules, now: float
) -> RowMapping:
    """The new row, the last of the list, whatever the clocks of other Gateways show.

    Raises `WaitlistFull`.
    """
    if await num_waiting(connection, frozenset()) >= rules.door.max_waiting:
        raise WaitlistFull
    last = await connection.scalar(select(func.max(waitlist.c.asked_at)))
    statement = insert(waitlist).values(
        id=f"place_{secrets.token_hex(8)}",
        name=asked.name,
        region=asked.region,
        token_digest=digest,
        asked_at=now if last is None else max(now, nextafter(last, inf)),
    )
    row: RowMapping = (await connection.execute(statement.returning(waitlist))).mappings().one()
    return row


async def _open(
    connection: AsyncConnection, asked: SignUp, key: NewKey, rules: Rules, now: float
) -> Opened:
    account = new_account(asked.name, rules.new_tier, now, region=asked.region, invite=asked.invite)
    await connection.execute(insertion(account))
    await connection.execute(key_insertion(key, account.id, now, ""))
    return Opened(account=account, key=key.plain)


async def _proved(connection: AsyncConnection, place_id: str, token: str) -> RowMapping:
    """The row of a place; raises `UnknownPlace` unless this is its token."""
    query = select(waitlist).where(waitlist.c.id == place_id)
    row: RowMapping | None = (await connection.execute(query)).mappings().one_or_none()
    if row is None or not matches(token, row["token_digest"]):
        raise UnknownPlace(place_id)
    return row


async def _again(connection: AsyncConnection, row: RowMapping, key: NewKey, now: float) -> Opened:
    """The account that was claimed before, while nobody has used its key; raises `Claimed`."""
    unused = (
        update(api_keys)
        .where(
            api_keys.c.id == row["key_id"],
            api_keys.c.last_used_at.is_(None),
            api_keys.c.revoked_at.is_(None),
        )
        .values(revoked_at=now)
    )
    if (await connection.execute(unused)).rowcount == 0:
        raise Claimed(row["id"])
    query = select(accounts).where(accounts.c.id == row["account_id"])
    account = to_account((await connection.execute(query)).mappings().one())
    await change_account(connection, account.id)
    await connection.execute(key_insertion(key, account.id, now, ""))
    return Opened(account=account, key=key.plain)
