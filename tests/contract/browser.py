"""A plain HTTP client of a studio, which reads server-sent events as a browser does."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from serve.gateway.live import Live
from tests.contract.studio import Studio, listening, opened_studio


@dataclass(frozen=True, slots=True)
class Browser:
    """A studio and an HTTP client of it, in one event loop."""

    http: httpx.AsyncClient
    studio: Studio

    async def make(self, prompt: str) -> str:
        """A new job's id."""
        answer = await self.http.post("/v1/videos", json={"prompt": prompt})
        return str(answer.raise_for_status().json()["id"])

    @property
    def live(self) -> Live:
        live = self.studio.app.state.live
        assert isinstance(live, Live)
        return live


@asynccontextmanager
async def browsing(folder: Path, **changes: Any) -> AsyncIterator[Browser]:
    """A browser of a new studio; `changes` replace fields of its `GatewayParts`."""
    async with opened_studio(folder, changes) as studio, listening(studio.app) as url:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=url, timeout=20, limits=limits) as http:
            yield Browser(http, studio)


def fault(answer: httpx.Response) -> tuple[int, str, str | None]:
    """Status, code and param; every fault has exactly the envelope's keys."""
    body = answer.json()
    assert body.keys() == {"error"}
    assert body["error"].keys() == {"message", "type", "param", "code"}
    assert body["error"]["message"]
    return answer.status_code, body["error"]["code"], body["error"]["param"]


@dataclass(frozen=True, slots=True)
class Told:
    """One event; a comment has the kind `comment`."""

    kind: str
    id: str
    data: dict[str, Any]


async def told(answer: httpx.Response) -> AsyncIterator[Told]:
    """The events of a stream as they come; `retry` fields are left out."""
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line.startswith(":"):
            yield Told("comment", "", {})
        elif line:
            name, _, value = line.partition(": ")
            fields[name] = value
        else:
            if "data" in fields:
                yield Told(fields["event"], fields["id"], json.loads(fields["data"]))
            fields = {}
