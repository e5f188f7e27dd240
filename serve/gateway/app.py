"""The HTTP application: routes, error handlers and layers put together over their parts."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.types import Lifespan

from serve.accounts.remembered import Remembered
from serve.gateway.admission.demand import Demand, report
from serve.gateway.admission.door import Door
from serve.gateway.admission.intake import Intake
from serve.gateway.admission.pace import Pace
from serve.gateway.admission.pricing import Pricing
from serve.gateway.auth import KeyUses
from serve.gateway.errors import EXPECTED, answer_fault
from serve.gateway.limits import BodyLimit, Faults
from serve.gateway.live import Live
from serve.gateway.load_board import LoadBoard
from serve.gateway.openapi.document import API_VERSION, DESCRIPTION, DescribedApp
from serve.gateway.parts import GatewayParts
from serve.gateway.request_ids import RequestIds
from serve.gateway.requests.images import FirstFrames
from serve.gateway.routes import accounts, content, estimates, events, health, load, models, videos
from serve.gateway.store_watch import report_errors


def build_gateway(parts: GatewayParts) -> FastAPI:
    """The application; its lifespan holds the one subscription to the Scheduler."""
    board = LoadBoard(max_watches=parts.http.max_load_streams)
    live = Live(parts.link, parts.store, max_watches=parts.http.max_event_streams, seen=board.show)
    first_frames = FirstFrames(
        max_bytes=parts.http.max_image_bytes,
        allow_private=parts.http.fetch_private_addresses,
    )

    demand = Demand(parts.policy)
    pricing = Pricing(parts)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        reporting = report(demand, parts.link, every_s=parts.tick_s)
        errors = report_errors(parts.store_errors, parts.link, every_s=parts.tick_s)
        loops = [asyncio.create_task(loop) for loop in (live.run(), reporting, errors)]
        try:
            yield
        finally:
            for loop in loops:
                loop.cancel()
            await asyncio.gather(*loops, return_exceptions=True)
            await first_frames.close()

    app = routed_app(lifespan)
    app.state.parts = parts
    app.state.live = live
    app.state.load_board = board
    app.state.demand = demand
    app.state.pricing = pricing
    app.state.door = Door(parts, pricing)
    app.state.intake = Intake(parts, first_frames)
    app.state.pace = Pace(gateways=parts.http.gateways)
    app.state.key_uses = KeyUses(parts.accounts)
    app.state.principals = _principals(parts)
    app.add_middleware(BodyLimit, max_bytes=parts.http.max_body_bytes)
    app.add_middleware(Faults)
    app.add_middleware(RequestIds, given=parts.request_id)
    return app


def _principals(parts: GatewayParts) -> Remembered:
    return Remembered(
        parts.accounts,
        rule=parts.rules.promotion,
        ttl_s=parts.remembered_s,
        clock=time.monotonic,
        now=parts.now,
        news=lambda: snapshot.accounts if (snapshot := parts.link.snapshot()) else None,
    )


def routed_app(lifespan: Lifespan[FastAPI] | None = None) -> FastAPI:
    """The routes and error handlers without their parts: enough to be described.

    There is no browsable documentation: its scripts would come from other people's servers.
    """
    app = DescribedApp(
        title="filmgate",
        version=API_VERSION,
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    for module in (videos, estimates, content, events, models, accounts, load, health):
        app.include_router(module.router)
    for kind in EXPECTED:
        app.add_exception_handler(kind, answer_fault)
    return app
