"""The bucket of entries, shared by the Scheduler that fills it and the Gateways that take from it.

The Scheduler keeps it as `sign_ups` in the policy's memory, with the number of entries that
Gateways had taken by then. They only count on; what is left is the bucket less what they took
since. Whoever reads or writes any of it holds a lock on the row of that count.
"""

from typing import Any, Final

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from autoscaling.newcomers import SignUps
from serve.jobs.tables import counters, policy_state

SIGN_UPS: Final = "sign_ups"


async def locked(connection: AsyncConnection) -> int:
    """Entries taken by Gateways so far; sign-ups and calls wait until this transaction ends."""
    row = select(counters.c.value).where(counters.c.name == SIGN_UPS).with_for_update()
    return int(await connection.scalar(row) or 0)


async def entries_taken(connection: AsyncConnection) -> int:
    """The same for who only looks."""
    query = select(counters.c.value).where(counters.c.name == SIGN_UPS)
    return int(await connection.scalar(query) or 0)


async def take_entry(connection: AsyncConnection) -> None:
    """Count one more account that was opened at once."""
    mine = counters.c.name == SIGN_UPS
    await connection.execute(update(counters).where(mine).values(value=counters.c.value + 1))


async def bucket(connection: AsyncConnection, taken: int, burst: float, now: float) -> SignUps:
    """What is in it; before any Scheduler has looked, `burst` entries from the start."""
    query = select(policy_state.c.value).where(policy_state.c.name == SIGN_UPS)
    stored = await connection.scalar(query)
    return opened(stored, taken, burst, now)


def opened(stored: Any | None, taken: int, burst: float, now: float) -> SignUps:
    """The bucket from plain values."""
    if stored is None:
        return SignUps.first(now, entries=burst - taken)
    return SignUps(
        entries=stored["entries"] - (taken - stored["taken"]),
        openness=stored["openness"],
        rate=stored["rate"],
        at=stored["at"],
    )


async def keep(connection: AsyncConnection, sign_ups: SignUps, taken: int, now: float) -> None:
    """Store it, with the entries that it takes account of."""
    values = {
        "entries": sign_ups.entries,
        "openness": sign_ups.openness,
        "rate": sign_ups.rate,
        "at": sign_ups.at,
        "taken": taken,
    }
    await connection.execute(delete(policy_state).where(policy_state.c.name == SIGN_UPS))
    row = {"name": SIGN_UPS, "value": values, "changed_at": now}
    await connection.execute(insert(policy_state).values(row))
