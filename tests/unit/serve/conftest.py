"""A scene for each test."""

from collections.abc import AsyncIterator

import pytest

from serve.jobs.database import open_engine
from serve.jobs.sql_store import SqlJobStore
from serve.jobs.upgrade import migrate
from tests.unit.serve.attempts.scene import Scene


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    engines = open_engine("sqlite+aiosqlite://")
    await migrate(engines)
    store = SqlJobStore(engines)
    yield Scene(store)
    await store.close()
