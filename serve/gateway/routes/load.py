"""GET /v1/load: the whole cluster at a glance, for operators; once, or as it changes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from serve.gateway.auth import Parts
from serve.gateway.errors import ApiError, retry_after, unavailable
from serve.gateway.live import TooManyWatches
from serve.gateway.load_board import LoadBoard
from serve.gateway.openapi.responses import LOAD_EVENTS_RESPONSES, faults
from serve.gateway.operators import Operator
from serve.gateway.routes.events import RETRY_STREAM_S, EventStream
from serve.gateway.views.load_view import LoadView
from serve.gateway.views.narration import HEARTBEAT

router = APIRouter(dependencies=[Operator])


@router.get(
    "/v1/load",
    response_class=Response,
    responses={200: {"model": LoadView, "description": "Now."}, **faults(401, 403, 503)},
)
async def load(parts: Parts) -> Response:
    """GPUs and what they do, gangs and their jobs, queues, gates, replicas, recent failures.

    The Scheduler makes it anew at most twice a second, and no sooner than after ten times what
    making it took; `at` says when that was. Answers 503 while the Scheduler is away.
    """
    snapshot = parts.link.snapshot()
    if snapshot is None or not snapshot.page:
        raise unavailable("scheduler")
    headers = {"content-type": "application/json", "cache-control": "no-store"}
    return Response(snapshot.page, headers=headers)


@router.get("/v1/load/events", responses=LOAD_EVENTS_RESPONSES, response_class=Response)
async def load_events(request: Request, parts: Parts) -> Response:
    """The same at once, and again once or twice a second, until the client goes. With many hundred
    GPUs it is every few seconds.

    Each `load` event is a whole page. While the Scheduler is away there are heartbeats only.
    """
    board: LoadBoard = request.app.state.load_board
    if snapshot := parts.link.snapshot():
        board.show(snapshot)
    with ExitStack() as place:
        try:
            place.enter_context(board.watch())
        except TooManyWatches:
            raise ApiError(
                429,
                "too_many_streams",
                "As many load streams are open as this service allows (http.max_load_streams); "
                "poll GET /v1/load instead.",
                headers=retry_after(RETRY_STREAM_S),
            ) from None
        return EventStream(_frames(board, parts.http.heartbeat_s), place.pop_all())


async def _frames(board: LoadBoard, heartbeat_s: float) -> AsyncIterator[bytes]:
    seen = 0
    while True:
        try:
            async with asyncio.timeout(heartbeat_s):
                seen, frame = await board.next(seen)
        except TimeoutError:
            frame = HEARTBEAT
        yield frame
