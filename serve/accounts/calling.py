"""Who is next: places of the waitlist are called as room comes, or by an operator's hand."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from math import floor
from typing import TypeVar

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from autoscaling.newcomers import Applicant, SignUps, called
from serve.accounts.bucket import bucket, entries_taken, keep, locked
from serve.accounts.newcomer import Place, Room
from serve.accounts.roster import AccountExists
from serve.accounts.rules import Rules
from serve.accounts.tables import waitlist
from serve.accounts.waiting import closed_regions, next_ones, num_waiting, to_place
from serve.jobs.database import Engines
from serve.jobs.sql_queue import newest_epoch
from serve.jobs.switch import AuditLine
from serve.jobs.switches import write_down

T = TypeVar("T")
AT_ONCE = 500
"""Calls in one transaction: the next look has the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a look at the waitlist came to."""

    sign_ups: SignUps
    called: tuple[str, ...]
    """Ids of the places."""
    waiting: int
    """How many still wait, those from closed regions aside."""


class Calling:
    """The waitlist as the Scheduler and operators see it; times are Unix seconds."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    async def look(self, room: Room, rules: Rules, epoch: int, now: float) -> Looked | None:
        """Fill the bucket and call who is next; None if `epoch` is not the newest.

        One transaction: a Scheduler that dies has either called them and paid, or done nothing.
        """

        async def fill(connection: AsyncConnection) -> Looked | None:
            if await connection.scalar(select(newest_epoch())) != epoch:
                return None
            taken = await locked(connection)
            await _give_up(connection, now - rules.door.claim_within_s)
            closed = await closed_regions(connection, now)
            rule = rules.sign_up_rule(closed)
            sign_ups = await bucket(connection, taken, rules.door.burst, now)
            sign_ups = sign_ups.after(room.load, room.level, room.mean_gpu_s, now, rule)
            ids, sign_ups = await _called(connection, sign_ups, rules, closed)
            await _mark(connection, ids, now)
            await keep(connection, sign_ups, taken, now)
            waiting = await num_waiting(connection, closed)
            return Looked(sign_ups=sign_ups, called=tuple(ids), waiting=waiting)

        return await self._engines.transact(fill)

    async def call(self, count: int, *, who: str, now: float, why: str = "") -> list[str]:
        """Call the next ones by hand, past the bucket; their names. Closed regions wait on."""

        async def by_hand(connection: AsyncConnection) -> list[str]:
            await locked(connection)
            closed = await closed_regions(connection, now)
            rows = (await connection.execute(next_ones(closed, count))).mappings().all()
            await _mark(connection, [row["id"] for row in rows], now)
            names = [row["name"] for row in rows]
            for name in names:
                line = AuditLine(at=now, who=who, act="call", kind="waitlist", name=name, why=why)
                await write_down(connection, line)
            return names

        return await self._engines.transact(by_hand)

    async def waitlist(self, rules: Rules, limit: int) -> list[Place]:
        """The first places whose account was not claimed yet, in the order of asking."""
        query = (
            select(waitlist)
            .where(waitlist.c.account_id.is_(None))
            .order_by(waitlist.c.asked_at, waitlist.c.id)
            .limit(limit)
        )
        within_s = rules.door.claim_within_s
        return [to_place(row, within_s) for row in await self._engines.rows(query)]

    async def num_waiting(self, now: float) -> int:
        """How many wait for a call, those from closed regions aside."""

        async def count(connection: AsyncConnection) -> int:
            return await num_waiting(connection, await closed_regions(connection, now))

        return await self._engines.read(count)

    async def bucket(self, rules: Rules, now: float) -> SignUps:
        """What sign-ups find at the moment."""

        async def read(connection: AsyncConnection) -> SignUps:
            taken = await entries_taken(connection)
            return await bucket(connection, taken, rules.door.burst, now)

        return await self._engines.read(read)

    async def _transact(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """As the database does it; raises `AccountExists` for a name that was taken just then."""
        try:
            return await self._engines.transact(work)
        except IntegrityError as error:
            raise AccountExists("there is an account with this name already") from error


async def _called(
    connection: AsyncConnection, sign_ups: SignUps, rules: Rules, closed: frozenset[str]
) -> tuple[list[str], SignUps]:
    """Ids of those who are next and may come in; all of them where the gate holds nobody back."""
    if rules.door.gate:
        limit = max(0, min(AT_ONCE, floor(sign_ups.entries)))
    else:
        limit = AT_ONCE if rules.signup else 0
    rows = (await connection.execute(next_ones(closed, limit))).mappings().all()
    if not rules.door.gate:
        return [row["id"] for row in rows], sign_ups
    people = [
        Applicant(id=row["id"], asked_at=float(row["asked_at"]), region=row["region"])
        for row in rows
    ]
    let_in, sign_ups = called(people, sign_ups, rules.sign_up_rule(closed))
    return [each.id for each in let_in], sign_ups


async def _mark(connection: AsyncConnection, ids: list[str], now: float) -> None:
    if ids:
        mine = waitlist.c.id.in_(ids) & waitlist.c.called_at.is_(None)
        await connection.execute(update(waitlist).where(mine).values(called_at=now))


async def _give_up(connection: AsyncConnection, called_before: float) -> None:
    """Places that nobody has claimed."""
    late = waitlist.c.account_id.is_(None) & (waitlist.c.called_at < called_before)
    await connection.execute(delete(waitlist).where(late))
