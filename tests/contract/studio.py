"""A Gateway over a real SQLite store and a local folder, on a loopback port, with a film crew."""

import asyncio
import contextlib
import functools
import io
import socket
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI
from PIL import Image

from autoscaling.rules import Rules as GateRules
from pipelines.cost import StageCosts
from pipelines.media.mux import write_clip
from pipelines.media.stills import spritesheet, thumbnail
from serve.accounts.accounts import Accounts, open_accounts
from serve.accounts.newcomers import open_newcomers
from serve.accounts.rules import rules_of
from serve.artifacts.location import open_artifacts
from serve.artifacts.object_store import ObjectArtifacts
from serve.gateway.app import build_gateway
from serve.gateway.parts import GatewayParts, ServedModel
from serve.jobs.sql_store import SqlJobStore, open_store
from serve.jobs.upgrade import upgrade
from serve.settings import Settings
from serve.settings.sections import Artifacts, Http, Jobs
from tests.contract.film_crew import FilmCrew
from tests.limits import TINY_LIMITS

HALF_A_SECOND = StageCosts(encode_s=0.0, denoise_s=0.5, decode_s=0.0)
TINY = ServedModel(
    name="tiny", limits=TINY_LIMITS, costs=lambda _: HALF_A_SECOND, created_at=1_700_000_000
)
SILENT = replace(
    TINY, name="silent", limits=replace(TINY_LIMITS, image="none", sound=False), may_sleep=True
)
Changes = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Studio:
    """All that a test may want to reach into."""

    app: FastAPI
    parts: GatewayParts
    store: SqlJobStore
    artifacts: ObjectArtifacts
    accounts: Accounts
    crew: FilmCrew


def studio_parts(store: SqlJobStore, artifacts: ObjectArtifacts, crew: FilmCrew) -> GatewayParts:
    """All that a Gateway uses, with the settings' defaults but for a quicker heartbeat."""
    return GatewayParts(
        http=Http(heartbeat_s=0.2, fetch_private_addresses=True),
        jobs=Jobs(),
        min_free_bytes=1_000,
        free_bytes=lambda: 1_000_000,
        store=store,
        artifacts=artifacts,
        accounts=open_accounts(store.engines),
        newcomers=open_newcomers(store.engines),
        models=(TINY, SILENT),
        link=crew,
        open_access=True,
        local_tier="pro",
        rules=rules_of(Settings.from_values({})),
        policy=GateRules(),
        remembered_s=0.2,
        now=time.time,
    )


@contextlib.asynccontextmanager
async def opened_studio(folder: Path, changes: Changes) -> AsyncIterator[Studio]:
    """The parts and the application; `changes` replace fields of `GatewayParts`."""
    url = f"sqlite+aiosqlite:///{folder / 'filmgate.db'}"
    await upgrade(url)
    store = open_store(url)
    artifacts = open_artifacts(Artifacts(), folder)
    crew = FilmCrew(store, artifacts, await asyncio.to_thread(make_clip))
    parts = replace(studio_parts(store, artifacts, crew), **changes)
    at_work = asyncio.create_task(crew.run())
    try:
        yield Studio(
            app=build_gateway(parts),
            parts=parts,
            store=store,
            artifacts=artifacts,
            accounts=open_accounts(store.engines),
            crew=crew,
        )
    finally:
        at_work.cancel()
        await asyncio.gather(at_work, return_exceptions=True)
        await asyncio.gather(artifacts.close(), store.close())


def eventually(holds: Callable[[], bool], patience_s: float = 20.0) -> None:
    """Look again and again until it holds; fails when it never does."""
    deadline = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


@functools.cache
def make_clip() -> Mapping[str, bytes]:
    """A real clip of 17 moving frames with sound, and its pictures."""
    shades = np.arange(17, dtype=np.uint8)[:, None, None, None] * 12
    video = np.broadcast_to(shades, (17, 32, 64, 3)).copy()
    tone = (0.3 * np.sin(np.arange(17 * 2000) / 10))[None].astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        write_clip(path, video, 8, tone, 16_000)
        clip = path.read_bytes()
    return {
        "video.mp4": clip,
        "thumbnail.webp": thumbnail(video),
        "spritesheet.webp": spritesheet(video).blob,
    }


def png(width: int = 40, height: int = 40) -> bytes:
    """A small picture, as a client would send it."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 30)).save(buffer, format="PNG")
    return buffer.getvalue()


class _Server(uvicorn.Server):
    """Says when it is up."""

    def __init__(self, app: FastAPI, up: Callable[[], None]) -> None:
        config = uvicorn.Config(
            app, log_level="warning", lifespan="on", timeout_graceful_shutdown=1
        )
        super().__init__(config)
        self._up = up

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._up()


@contextlib.asynccontextmanager
async def listening(app: FastAPI) -> AsyncIterator[str]:
    """The application on a loopback port, in this event loop; yields its URL."""
    up = asyncio.Event()
    server = _Server(app, up.set)
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        serving = asyncio.create_task(server.serve(sockets=[door]))
        await up.wait()
        try:
            yield f"http://127.0.0.1:{door.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


@dataclass(frozen=True, slots=True, kw_only=True)
class Loopback:
    """A studio that serves from another thread, for clients that block."""

    url: str
    studio: Studio
    loop: asyncio.AbstractEventLoop

    def call(self, function: Callable[[], object]) -> None:
        """Do something in the server's event loop."""
        self.loop.call_soon_threadsafe(function)

    def run(self, coroutine: Any) -> Any:
        """Await something in the server's event loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout=30)


@contextlib.contextmanager
def loopback(folder: Path, changes: Changes | None = None) -> Iterator[Loopback]:
    """A studio on a loopback port, in a thread of its own."""
    handover: Future[Loopback] = Future()
    over = threading.Event()

    async def serve() -> None:
        async with opened_studio(folder, changes or {}) as studio, listening(studio.app) as url:
            loop = asyncio.get_running_loop()
            handover.set_result(Loopback(url=url, studio=studio, loop=loop))
            await asyncio.to_thread(over.wait)

    def serve_in_thread() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            if handover.done():
                raise
            handover.set_exception(error)

    thread = threading.Thread(target=serve_in_thread)
    thread.start()
    try:
        yield handover.result(timeout=60)
    finally:
        over.set()
        thread.join(timeout=30)
        assert not thread.is_alive()
