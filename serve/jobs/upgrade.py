"""Bring a database to the newest schema: the Alembic revisions, run in this process.

Any number of processes may start at once: the upgrade holds SQLite's write lock or a PostgreSQL
advisory lock from before it looks at the present revision until it commits.
"""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from serve.jobs.database import BUSY_TIMEOUT_MS, Engines, in_memory, opened, parse_url

HEAD = "head"
ADVISORY_LOCK = 0x66696C6D67617465  # "filmgate" in ASCII
MIGRATIONS = "serve.jobs:migrations"


class SchemaError(RuntimeError):
    """The database cannot be brought to this version's schema; the message says why."""


async def upgrade(url: str, revision: str = HEAD) -> None:
    """Create or upgrade the database behind `url`; nothing happens when it is up to date.

    Raises `SchemaError` when a newer version of filmgate has upgraded it already.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite" and not in_memory(parsed):
        Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
    async with opened(url, statement_timeout_s=None) as engines:
        await migrate(engines, revision)


async def migrate(engines: Engines, revision: str = HEAD) -> None:
    """As `upgrade`, for an open database (the only way in to one that lives in memory)."""
    if engines.writer.dialect.name == "sqlite":
        await _switch_to_wal(engines)

    async def run(connection: AsyncConnection) -> None:
        if engines.writer.dialect.name == "postgresql":
            await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            await connection.execute(
                text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK}
            )
        await connection.run_sync(_run, revision)

    await engines.transact(run)


async def _switch_to_wal(engines: Engines) -> None:
    """WAL mode stays with the file. The switch does not wait for other openers, so we do."""
    for waited_ms in range(0, BUSY_TIMEOUT_MS, 50):
        try:
            async with engines.once_writer.connect() as connection:
                await connection.execute(text("PRAGMA journal_mode = WAL"))
            return
        except OperationalError:
            if waited_ms + 50 >= BUSY_TIMEOUT_MS:
                raise
            await asyncio.sleep(0.05)


def _run(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", MIGRATIONS)
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, revision)
    except CommandError as error:
        raise SchemaError(
            f"The database is not one that this version of filmgate can upgrade ({error}). "
            "If a newer version has been used with it, start that version."
        ) from error
