"""The studio's stores with a fault in them, and a client in the same process."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
from sqlalchemy.exc import OperationalError

from serve.artifacts.object_store import ObjectArtifacts
from serve.gateway.app import build_gateway
from serve.jobs.sql_store import SqlJobStore
from tests.contract.studio import Studio

SECRET = "queue a wedding in Verona"
DOWN = OperationalError("SELECT", {"prompt": SECRET}, Exception("connection refused"))


class Faulty:
    """The real thing, but for one method."""

    def __init__(self, real: SqlJobStore | ObjectArtifacts, name: str, instead: Any) -> None:
        self._real, self._name, self._instead = real, name, instead

    def __getattr__(self, name: str) -> Any:
        return self._instead if name == self._name else getattr(self._real, name)


def failing(error: Exception) -> Callable[..., Any]:
    async def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


@asynccontextmanager
async def client_of(studio: Studio, **changes: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client in the same process, of the studio with some parts replaced."""
    app = build_gateway(replace(studio.parts, **changes))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://gateway") as client,
    ):
        yield client
