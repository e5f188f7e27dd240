"""Database URLs: what is taken, and what is refused with a word of advice."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from serve.jobs.database import DatabaseUrlError, in_memory, open_engine, opened, parse_url


@pytest.mark.parametrize(
    ("url", "drivername", "database"),
    [
        ("sqlite:///data/filmgate.db", "sqlite+aiosqlite", "data/filmgate.db"),
        ("sqlite+aiosqlite:////var/filmgate.db", "sqlite+aiosqlite", "/var/filmgate.db"),
        ("postgres://user:secret@db/filmgate", "postgresql+asyncpg", "filmgate"),
        ("postgresql://db/filmgate", "postgresql+asyncpg", "filmgate"),
        ("postgresql+asyncpg://db/filmgate?ssl=require", "postgresql+asyncpg", "filmgate"),
    ],
)
def test_the_driver_is_filled_in(url: str, drivername: str, database: str) -> None:
    parsed = parse_url(url)
    assert (parsed.drivername, parsed.database) == (drivername, database)


@pytest.mark.parametrize(
    "url",
    ["", "filmgate.db", "mysql://db/filmgate", "postgresql+psycopg://db/x", "sqlite+pysqlite://"],
)
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(DatabaseUrlError, match="use `sqlite"):
        open_engine(url)


def test_a_refusal_does_not_repeat_the_password() -> None:
    with pytest.raises(DatabaseUrlError) as refusal:
        parse_url("mysql://user:hunter2@db/filmgate")
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [("sqlite://", True), ("sqlite:///:memory:", True), ("sqlite:///filmgate.db", False)],
)
def test_memory_is_told_from_files(url: str, expected: bool) -> None:
    assert in_memory(parse_url(url)) is expected


async def test_an_engine_connects_only_when_used() -> None:
    engines = open_engine("postgresql://nobody@127.0.0.1:1/nowhere")
    await engines.close()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///filmgate.db", "postgresql://db/filmgate"])
def test_no_engine_quotes_the_values_of_a_statement(url: str) -> None:
    engines = open_engine(url)
    for engine in (engines.reader, engines.once_writer, engines.writer):
        assert engine.sync_engine.hide_parameters


async def test_a_failed_statement_keeps_the_prompt_to_itself() -> None:
    statement = text("INSERT INTO nowhere VALUES (:prompt)").bindparams(
        prompt="a secret lighthouse"
    )

    async def fail(connection: AsyncConnection) -> None:
        await connection.execute(statement)

    async with opened("sqlite://") as engines:
        with pytest.raises(OperationalError, match="no such table") as caught:
            await engines.transact(fail)
    assert "lighthouse" not in str(caught.value)
