"""Each request has an id, and what is logged while it is served carries it."""

import re
import uuid
from collections.abc import Callable
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from serve.telemetry.request_id import REQUEST_ID

USABLE: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")


class RequestIds:
    """`given` tells the id that the answer will carry, where something before this has chosen one;
    else it is the caller's own `x-request-id`, or a new one. Nobody's id can hold a line's worth of
    text."""

    def __init__(self, app: ASGIApp, given: Callable[[], str | None]) -> None:
        self._app = app
        self._given = given

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            asked = self._given() or Headers(scope=scope).get("x-request-id", "")
            REQUEST_ID.set(asked if USABLE.fullmatch(asked) else uuid.uuid4().hex)
        await self._app(scope, receive, send)
