"""Every test of the store runs on SQLite and on a real PostgreSQL, in a database of its own."""

import itertools
import sqlite3
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import make_url

from pipelines.spec import ClipSpec
from serve.accounts.accounts import Accounts, open_accounts
from serve.accounts.newcomers import Newcomers, open_newcomers
from serve.jobs.job import Job, Status
from serve.jobs.sql_store import SqlJobStore, open_store
from serve.jobs.upgrade import upgrade

SPEC = ClipSpec(
    prompt="a boat at dusk",
    negative_prompt="fog",
    width=64,
    height=32,
    num_frames=17,
    fps=8,
    steps=8,
    guidance_scale=3.5,
    seed=2**63 - 1,
    sound=True,
    has_image=False,
)
MakeJob = Callable[..., Job]


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without tables."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'filmgate.db'}"
        return
    server = request.getfixturevalue("postgresql")
    name = f"t{uuid.uuid4().hex}"
    server.psql(f"CREATE DATABASE {name}")
    yield str(server.get_uri(name))
    server.psql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def url(empty_url: str) -> str:
    """A database with the newest schema."""
    await upgrade(empty_url)
    return empty_url


@pytest.fixture
async def store(url: str) -> AsyncIterator[SqlJobStore]:
    opened = open_store(url)
    yield opened
    await opened.close()


@pytest.fixture
async def second_store(url: str) -> AsyncIterator[SqlJobStore]:
    """The same database through connections of its own, as another process has them."""
    opened = open_store(url)
    yield opened
    await opened.close()


@pytest.fixture
def accounts(store: SqlJobStore) -> Accounts:
    return open_accounts(store.engines)


@pytest.fixture
def newcomers(store: SqlJobStore) -> Newcomers:
    return open_newcomers(store.engines)


@pytest.fixture
def make_job() -> MakeJob:
    """Queued jobs, each a second after the one before; keyword arguments replace fields."""
    numbers = itertools.count(1)

    def make(**fields: object) -> Job:
        number = next(numbers)
        values: dict[str, object] = {
            "id": f"video_{number:04d}",
            "account_id": "acct_a",
            "tier": "pro",
            "model": "filmgate-tiny",
            "spec": SPEC,
            "status": Status.QUEUED,
            "created_at": 1_000.25 + number,
            "predicted_gpu_s": 12.5,
        }
        return Job(**{**values, **fields})  # type: ignore[arg-type]

    return make


@pytest.fixture
def run_sql(empty_url: str, request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Statements past the store, as an older version or an operator would have them."""
    parsed = make_url(empty_url)

    def run(statement: str) -> None:
        if parsed.get_backend_name() == "sqlite":
            with closing(sqlite3.connect(str(parsed.database))) as connection, connection:
                connection.executescript(statement)
            return
        server = request.getfixturevalue("postgresql")
        server.psql(f"\\connect {parsed.database}\n{statement}")

    return run
