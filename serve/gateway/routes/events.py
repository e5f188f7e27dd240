"""GET /v1/videos/{id}/events: a job's state as it changes, as server-sent events."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, ExitStack
from typing import Annotated

from fastapi import APIRouter, Header
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from serve.gateway.auth import Caller, Parts
from serve.gateway.errors import ApiError, retry_after
from serve.gateway.live import Live, TooManyWatches, Watch
from serve.gateway.lookup import LiveOf, VideoId, find_job
from serve.gateway.openapi.responses import EVENTS_RESPONSES
from serve.gateway.views.narration import HEARTBEAT, Narration
from serve.messages import QueuePlace

router = APIRouter()
RETRY_STREAM_S = 10


class EventStream(Response):
    """Sends frames until they end or the client goes away, then gives its place back at once."""

    media_type = "text/event-stream"

    def __init__(self, frames: AsyncIterator[bytes], place: AbstractContextManager[object]) -> None:
        super().__init__(
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )
        del self.headers["content-length"]
        self._frames = frames
        self._place = place

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        with self._place:
            sending = asyncio.create_task(self._send(send))
            leaving = asyncio.create_task(_left(receive))
            try:
                await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                leaving.cancel()
                if not sending.done():
                    sending.cancel()
                await asyncio.gather(sending, leaving, return_exceptions=True)
            if not sending.cancelled():
                sending.result()

    async def _send(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        async for frame in self._frames:
            await send({"type": "http.response.body", "body": frame, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@router.get("/v1/videos/{video_id}/events", responses=EVENTS_RESPONSES, response_class=Response)
async def stream_events(
    video_id: VideoId,
    parts: Parts,
    caller: Caller,
    live: LiveOf,
    last_event_id: Annotated[str | None, Header(max_length=200)] = None,
) -> Response:
    """The present state at once, then each change, until the job has ended.

    Events: `status` (status, queue_position, eta_seconds, decision), `progress` (phase, step,
    steps, percent) and, last, `done` (status, progress, error). A client that was told `done` and
    comes back with its id gets 204, which keeps a browser from coming back once more.
    """
    with ExitStack() as place:
        watch = _watch(live, video_id, place)
        job = live.freshened(await find_job(parts, caller, video_id))
        narration = Narration(job)
        if narration.ended and last_event_id == narration.last_id:
            return Response(status_code=204)
        snapshot = parts.link.snapshot()
        queue_place = snapshot.places.get(video_id) if snapshot else None
        frames = _frames(narration, queue_place, watch, parts.http.heartbeat_s)
        return EventStream(frames, place.pop_all())


def _watch(live: Live, video_id: str, place: ExitStack) -> Watch:
    try:
        return place.enter_context(live.watch(video_id))
    except TooManyWatches:
        raise ApiError(
            429,
            "too_many_streams",
            "As many event streams are open as this service allows; poll the job instead.",
            headers=retry_after(RETRY_STREAM_S),
        ) from None


async def _frames(
    narration: Narration, place: QueuePlace | None, watch: Watch, heartbeat_s: float
) -> AsyncIterator[bytes]:
    yield narration.opening(place)
    while not narration.ended:
        frames = b""
        try:
            async with asyncio.timeout(heartbeat_s):
                while not frames:
                    frames = narration.tell(await watch.next())
        except TimeoutError:
            frames = HEARTBEAT
        yield frames
