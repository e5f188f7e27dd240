"""Changes of accounts in SQL: each has a number, by which Gateways are told of it.

The number comes from a counter whose row stays locked until the change is committed: a reader who
has seen one number has seen all before it.
"""

from typing import Any, Final

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from serve.accounts.news import AccountNews
from serve.accounts.tables import accounts
from serve.jobs.database import Engines
from serve.jobs.tables import counters

ACCOUNTS: Final = "accounts"
_MINE: Final = counters.c.name == ACCOUNTS


async def change_account(
    connection: AsyncConnection, account_id: str, *only: ColumnElement[bool], **values: Any
) -> bool:
    """Change an account, or nothing but what belongs to it; False if there is none, or not `only`.

    Whoever believes to know it hears of that within seconds.
    """
    count = update(counters).where(_MINE).values(value=counters.c.value + 1)
    number = await connection.scalar(count.returning(counters.c.value))
    change = update(accounts).where(accounts.c.id == account_id, *only)
    return (await connection.execute(change.values(changed=number, **values))).rowcount == 1


async def read_news(engines: Engines, known: AccountNews | None) -> AccountNews:
    """What has changed by now; of what was before the first time nothing is told."""
    if known is None:
        [row] = await engines.rows(select(counters.c.value).where(_MINE))
        return AccountNews(since=row["value"], upto=row["value"])
    number = accounts.c.changed
    query = select(accounts.c.id, number).where(number > known.upto)
    rows = await engines.rows(query)
    return known.with_later([(row["id"], row["changed"]) for row in rows])
