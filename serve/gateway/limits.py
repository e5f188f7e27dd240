"""ASGI layers around the application: bodies stay small, and no fault leaves a prompt in a log."""

import logging
import traceback
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve.gateway.errors import ApiError, to_api_error

log = logging.getLogger(__name__)
JOB_STORED: Final = "filmgate.job_stored"
"""Key in a request's ASGI scope: a job has been stored for it, so it must not be sent again."""
MORE_HEADERS: Final = "filmgate.headers"
"""Key in a request's ASGI scope: headers by name, for its answer, whatever that is."""


class BrokenAnswer(Exception):
    """An answer that had begun could not be finished: the server must cut the connection."""


class Faults:
    """Turns any exception into an envelope; logs where it happened, never what it says.

    Exception texts are not logged because a database driver puts the values of a failed statement,
    prompts among them, into its own.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched_send(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                more = scope.get(MORE_HEADERS, {}).items()
                told = [(name.encode(), value.encode()) for name, value in more]
                message["headers"] = [*message["headers"], *told]
                if message["status"] >= 400 and scope.get(JOB_STORED):
                    message["headers"] = [*message["headers"], (b"x-should-retry", b"false")]
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except ClientDisconnect:
            return
        except Exception as error:
            root = _root(error)
            log.error("unexpected %s, at:\n%s", type(root).__name__, _where(root))
            if started:
                raise BrokenAnswer(type(root).__name__) from None
            await to_api_error(error).response()(scope, receive, watched_send)


class BodyLimit:
    """413 from Content-Length before a byte is read; bodies of unstated length are counted."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _content_length(scope) > self._max_bytes:
            await self._too_large().response()(scope, receive, send)
            return
        num_bytes = 0

        async def counted_receive() -> Message:
            nonlocal num_bytes
            message = await receive()
            num_bytes += len(message.get("body", b""))
            if num_bytes > self._max_bytes:
                raise self._too_large()
            return message

        await self._app(scope, counted_receive, send)

    def _too_large(self) -> ApiError:
        message = f"The request is too large: at most {self._max_bytes} bytes are accepted."
        return ApiError(413, "request_too_large", message, headers={"connection": "close"})


def _content_length(scope: Scope) -> int:
    """The stated length; 0 where none, or no number, is stated."""
    stated = dict(scope["headers"]).get(b"content-length", b"")
    return int(stated[:20]) if stated.isdigit() else 0


def _root(error: BaseException) -> BaseException:
    """What an exception was made from: the framework wraps those that come in mid-answer."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _where(error: BaseException) -> str:
    """File, line and function of each frame, without the exception's own text."""
    return "".join(traceback.format_tb(error.__traceback__))
