"""The rows of the waitlist: who is before whom, and how a place is told."""

from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select, tuple_
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from autoscaling.newcomers import SignUps, expected_in_s
from serve.accounts.newcomer import Place
from serve.accounts.rules import Rules
from serve.accounts.tables import waitlist
from serve.jobs.switch import closed_to_newcomers
from serve.jobs.switches import in_force, to_switch


async def closed_regions(connection: AsyncConnection, now: float) -> frozenset[str]:
    """Where nobody may sign up from at the moment."""
    rows = (await connection.execute(in_force(now))).mappings()
    return closed_to_newcomers([to_switch(row) for row in rows])


def may_be_called(closed: frozenset[str]) -> ColumnElement[bool]:
    """Of the waitlist: who waits, and not from a closed region, where places are kept."""
    region = waitlist.c.region
    return waitlist.c.called_at.is_(None) & or_(region.is_(None), region.not_in(closed))


async def num_waiting(connection: AsyncConnection, closed: frozenset[str]) -> int:
    """How many would be called if there were room."""
    query = select(func.count()).select_from(waitlist).where(may_be_called(closed))
    return int(await connection.scalar(query) or 0)


def next_ones(closed: frozenset[str], limit: int) -> Select[Any]:
    """Who is next, in the order of asking."""
    return (
        select(waitlist)
        .where(may_be_called(closed))
        .order_by(waitlist.c.asked_at, waitlist.c.id)
        .limit(limit)
    )


def to_place(row: RowMapping, claim_within_s: float) -> Place:
    """The place that a row describes, without what depends on the others."""
    called_at = row["called_at"]
    waits = row["account_id"] is None and called_at is not None
    return Place(
        id=row["id"],
        name=row["name"],
        region=row["region"],
        asked_at=float(row["asked_at"]),
        called_at=None if called_at is None else float(called_at),
        account_id=row["account_id"],
        claim_by=float(called_at) + claim_within_s if waits else None,
    )


async def told(
    connection: AsyncConnection,
    place: Place,
    *,
    closed: frozenset[str],
    sign_ups: SignUps,
    rules: Rules,
    now: float,
) -> Place:
    """The place with its position, and when it is called at the present rate."""
    if place.called_at is not None:
        return place
    position = await _position(connection, place, closed)
    in_s: float | None = 0.0
    if rules.door.gate:
        in_s = expected_in_s(position, sign_ups)
    if in_s is None or place.region in closed or not rules.signup:
        return replace(place, position=position)
    return replace(place, position=position, expected_at=now + in_s)


async def _position(connection: AsyncConnection, place: Place, closed: frozenset[str]) -> int:
    """How many are called before it."""
    there = tuple_(waitlist.c.asked_at, waitlist.c.id)
    before = there < (place.asked_at, place.id)
    query = select(func.count()).select_from(waitlist).where(may_be_called(closed), before)
    return int(await connection.scalar(query) or 0)
