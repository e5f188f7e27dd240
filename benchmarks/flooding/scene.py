"""The real Gateway before a Scheduler whose gate is shut, and a bare route that answers 429."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy import event

from autoscaling.admission import Situation
from autoscaling.load import Load, TierLoad
from autoscaling.promises import Stretch
from autoscaling.rules import Rules
from serve.accounts.news import AccountNews
from serve.deployments.gateway import Gateway
from serve.jobs.job import Timings
from serve.jobs.sql_store import open_store
from serve.jobs.store import Fence
from serve.messages import Answered, Snapshot
from serve.scheduling.account_watch import AccountWatch
from serve.settings import Settings

CLIP_S = 4.0
"""What an accepted clip takes here; nothing is computed, so that only the door is measured."""


class CountedGateway(Gateway):
    """Says at `/counted` how many SQL statements it has sent, and how many requests it has answered
    unread."""

    def __serve_build_asgi_app__(self) -> FastAPI:
        app = super().__serve_build_asgi_app__()
        counted: Counter[str] = Counter()

        def count(*_: Any) -> None:
            counted["statements"] += 1

        engines: Any = self._parts.store
        for engine in (engines.engines.reader, engines.engines.writer):
            event.listen(engine.sync_engine, "before_cursor_execute", count)
        demand: Any = app.state.demand
        unread = demand.unread

        def answered_unread(*about: Any) -> None:
            counted["unread"] += 1
            unread(*about)

        demand.unread = answered_unread

        @app.get("/counted", include_in_schema=False)
        async def tell() -> dict[str, int]:
            return counted

        return app


class Bare:
    """What an answer of 429 costs without any of this, and what it does where a body is read as
    JSON: Ray Serve's proxy hands it to the replica by a call of its own."""

    def __serve_build_asgi_app__(self) -> FastAPI:
        app = FastAPI()
        body = {"error": {"message": "no", "type": "rate_limit_error", "param": None, "code": "no"}}

        @app.post("/v1/videos")
        async def shed() -> JSONResponse:
            return JSONResponse(body, status_code=429, headers={"retry-after": "60"})

        @app.post("/reading/v1/videos")
        async def read_and_shed(request: Request) -> JSONResponse:
            await request.json()
            return await shed()

        return app


class StandIn:
    """In place of the Scheduler: nobody unpaid gets in, and paid clips take `CLIP_S`."""

    async def __init__(self, values: dict[str, Any]) -> None:  # type: ignore[misc]
        settings = Settings.from_values(values)
        self._store = open_store(settings.database_url)
        self._epoch = await self._store.take_epoch()
        self._accounts = AccountWatch(self._store.engines)
        self._making: set[asyncio.Task[None]] = set()

    async def notify(self, job_id: str) -> None:
        task = asyncio.create_task(self._make(job_id))
        self._making.add(task)
        task.add_done_callback(self._making.discard)

    async def answered(self, answers: list[Answered]) -> None:
        """The gate stays shut, whatever is asked for."""

    async def watch(self) -> AsyncIterator[list[Snapshot]]:
        while True:
            await self._accounts.look()
            yield [_snapshot(self._epoch, self._accounts.news)]
            await asyncio.sleep(1.0)

    async def _make(self, job_id: str) -> None:
        job = await self._store.start(job_id, self._epoch, time.time())
        if job is None:
            return
        await asyncio.sleep(CLIP_S)
        now = time.time()
        await self._store.complete(
            Fence(job_id=job.id, epoch=job.epoch, attempt=job.attempt),
            now=now,
            clip_prefix=f"jobs/{job.id}/clips/1/",
            expires_at=now + 3_600,
            timings=Timings(gpu_s=CLIP_S),
        )


def _snapshot(epoch: int, accounts: AccountNews | None) -> Snapshot:
    rules = Rules()
    nothing = TierLoad()
    full = TierLoad(promised_gpu_s=1e9, offered_gpu_s_per_s=10.0)
    return Snapshot(
        epoch=epoch,
        gangs=(),
        warm_models=frozenset(),
        places={},
        running_eta_s={},
        metrics=b"",
        accounts=accounts,
        situation=Situation(
            load=Load(gpus=1.0, tiers=(full, *[nothing] * (len(rules.tiers) - 1))),
            levels=tuple(0.0 if tier.paid else 2.0 for tier in rules.tiers),
            aside=tuple(0.0 if tier.paid else 1.0 for tier in rules.tiers),
            stretch=Stretch(),
            rules=rules,
        ),
    )
