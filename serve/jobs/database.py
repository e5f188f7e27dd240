"""Connections to the database: how SQLite and PostgreSQL are opened, and one way to use both.

SQLite runs in WAL mode with `synchronous=FULL`: what was committed survives kill -9 of every
process and a power cut too. A process writes through one connection, and a write takes the lock
at its start (`BEGIN IMMEDIATE`), so a writer waits its turn instead of failing in mid-transaction.

SQLAlchemy's errors quote no values of a statement: prompts are among them, and errors get logged.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import URL, Executable, Select, UpdateBase, event, make_url
from sqlalchemy.engine import Connection, RowMapping
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry

T = TypeVar("T")
DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
}
BUSY_TIMEOUT_MS = 30_000
"""How long a SQLite writer waits for the writers of other processes."""
STATEMENT_TIMEOUT_S = 30.0
"""How long PostgreSQL may take for one statement, waiting for locks included."""
STALLED_TRANSACTION_MS = 10_000
"""PostgreSQL ends a transaction of a process that stopped in its midst after this long."""


class DatabaseUrlError(ValueError):
    """The database URL cannot be used; the message says what can."""


@dataclass(slots=True)
class Faults:
    """How often a database failed whoever asked; a row that is there already is no fault of it."""

    count: int = 0

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Calls go through this block."""
        try:
            yield
        except IntegrityError:
            raise
        except (DBAPIError, PoolTimeout, OSError):
            self.count += 1
            raise


@dataclass(frozen=True, slots=True)
class Engines:
    """The open database. `reader` and `once_writer` run each statement as its own transaction.

    All work goes on to its end even if the caller is cancelled: a connection that is abandoned
    between `BEGIN IMMEDIATE` and its answer would keep the lock of the whole database.
    """

    reader: AsyncEngine
    once_writer: AsyncEngine
    writer: AsyncEngine
    faults: Faults = field(default_factory=Faults)

    async def rows(self, query: Select[Any]) -> list[RowMapping]:
        """What a query finds; it sees everything committed before it began."""
        with self.faults.noted():
            return await _to_the_end(_rows(self.reader, query))

    async def read(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Do `work` with several queries; each sees what was committed before it began."""

        async def carry_out() -> T:
            async with self.reader.connect() as connection:
                return await work(connection)

        with self.faults.noted():
            return await _to_the_end(carry_out())

    async def change(self, statement: UpdateBase) -> int:
        """Carry out one statement: atomic, and the shortest lock. The number of changed rows."""

        async def carry_out() -> int:
            async with self.once_writer.connect() as connection:
                return (await connection.execute(statement)).rowcount

        with self.faults.noted():
            return await _to_the_end(carry_out())

    async def change_returning(self, statement: UpdateBase) -> list[RowMapping]:
        """As `change`, for a statement that returns the rows it changed."""
        with self.faults.noted():
            return await _to_the_end(_rows(self.once_writer, statement))

    async def transact(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Do `work` in one transaction: committed at its end, rolled back when it raises."""

        async def carry_out() -> T:
            async with self.writer.begin() as connection:
                return await work(connection)

        with self.faults.noted():
            return await _to_the_end(carry_out())

    async def close(self) -> None:
        await self.reader.dispose()
        await self.writer.dispose()


async def _rows(engine: AsyncEngine, statement: Executable) -> list[RowMapping]:
    async with engine.connect() as connection:
        return list((await connection.execute(statement)).mappings())


async def _to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`; a cancelled caller waits for it too, and is cancelled then."""
    task = asyncio.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        if not task.cancelled():
            task.exception()  # taken note of, or the event loop would report it
        raise cancelled
    return task.result()


def parse_url(url: str) -> URL:
    """The URL with its async driver filled in; raises `DatabaseUrlError`."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise DatabaseUrlError(_explain("This is no database URL")) from error
    drivername = DRIVERS.get(parsed.drivername, parsed.drivername)
    if drivername not in DRIVERS.values():
        raise DatabaseUrlError(_explain(f"Databases of type `{parsed.drivername}` do not work"))
    return parsed.set(drivername=drivername)


def open_engine(url: str, *, statement_timeout_s: float | None = STATEMENT_TIMEOUT_S) -> Engines:
    """Open the database behind `url`; connections are made when they are first needed.

    Raises `DatabaseUrlError`.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _open_sqlite(parsed)
    return _open_postgresql(parsed, statement_timeout_s)


@asynccontextmanager
async def opened(
    url: str, *, statement_timeout_s: float | None = STATEMENT_TIMEOUT_S
) -> AsyncIterator[Engines]:
    """The database for the length of a block."""
    engines = open_engine(url, statement_timeout_s=statement_timeout_s)
    try:
        yield engines
    finally:
        await engines.close()


def in_memory(url: URL) -> bool:
    """Whether this SQLite database lives in its one connection only."""
    return url.database in (None, "", ":memory:")


def _explain(problem: str) -> str:
    return (
        f"{problem}: use `sqlite+aiosqlite:///path/to/filmgate.db` or "
        "`postgresql+asyncpg://user:password@host/name`."
    )


def _open_sqlite(url: URL) -> Engines:
    writer = _sqlite_engine(url, pool_size=1, query_only=False)
    once_writer = writer.execution_options(filmgate_once=True)
    if in_memory(url):
        return Engines(reader=once_writer, once_writer=once_writer, writer=writer)
    reader = _sqlite_engine(url, pool_size=4, query_only=True)
    return Engines(
        reader=reader.execution_options(filmgate_once=True), once_writer=once_writer, writer=writer
    )


def _sqlite_engine(url: URL, *, pool_size: int, query_only: bool) -> AsyncEngine:
    engine = create_async_engine(
        url,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=pool_size,
        max_overflow=0,
        hide_parameters=True,
        # None: the driver never begins or commits by itself; `begin` below does.
        connect_args={"isolation_level": None},
    )

    def prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA secure_delete = ON")  # an erased prompt leaves no trace in the file
        cursor.execute(f"PRAGMA query_only = {'ON' if query_only else 'OFF'}")
        cursor.close()

    def begin(connection: Connection) -> None:
        if not connection.get_execution_options().get("filmgate_once", False):
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine.sync_engine, "connect", prepare)
    event.listen(engine.sync_engine, "begin", begin)
    return engine


def _open_postgresql(url: URL, statement_timeout_s: float | None) -> Engines:
    connect_args: dict[str, Any] = {
        "timeout": 10,
        "command_timeout": statement_timeout_s,
        "server_settings": {
            "application_name": "filmgate",
            "idle_in_transaction_session_timeout": str(STALLED_TRANSACTION_MS),
        },
    }
    writer = create_async_engine(
        url,
        pool_size=5,
        max_overflow=10,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args=connect_args,
    )
    once = writer.execution_options(isolation_level="AUTOCOMMIT")
    return Engines(reader=once, once_writer=once, writer=writer)
