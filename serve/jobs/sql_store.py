"""The job store in SQL: one code path for SQLite and PostgreSQL.

    await upgrade(url)              # once per process start; creates the schema
    store = open_store(url)         # in the event loop that will use it

Its parts are in `submissions.py`, `sql_queue.py`, `ledger.py`, `retention.py`, `sql_usage.py`,
`memory.py`, `switches.py` and `sql_claims.py`.
"""

from sqlalchemy import select

from serve.jobs.database import Engines, open_engine
from serve.jobs.ledger import SqlLedger
from serve.jobs.memory import SqlMemory
from serve.jobs.retention import SqlRetention
from serve.jobs.sql_claims import SqlClaims
from serve.jobs.sql_queue import SqlQueue
from serve.jobs.sql_usage import SqlUsage
from serve.jobs.submissions import SqlSubmissions
from serve.jobs.switches import SqlSwitches
from serve.jobs.tables import counters


class SqlJobStore(
    SqlSubmissions, SqlClaims, SqlQueue, SqlLedger, SqlRetention, SqlUsage, SqlMemory, SqlSwitches
):
    """`serve.jobs.store.JobStore` in SQL."""

    def __init__(self, engines: Engines) -> None:
        super().__init__(engines)
        self.engines = engines

    async def ping(self) -> None:
        """Raise if the database does not answer, or has no schema."""
        await self.engines.rows(select(counters.c.value).limit(1))

    async def close(self) -> None:
        await self.engines.close()


def open_store(url: str) -> SqlJobStore:
    """The job store in the database behind `url`; raises `DatabaseUrlError`."""
    return SqlJobStore(open_engine(url))
