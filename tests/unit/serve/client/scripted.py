"""A service that answers by a script, for tests of its client."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from serve.client.api import Api
from serve.client.retries import Patience
from serve.settings import ClientSettings

Answer = httpx.Response | Exception
QUEUED = {"id": "video_1", "status": "queued", "steps": 4}


class Script(httpx.BaseTransport):
    """Gives prepared answers in order and remembers what was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.asked: list[httpx.Request] = []
        self._answers = list(answers)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.asked.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Stream(httpx.SyncByteStream):
    """A body that may break off in the middle."""

    def __init__(self, *chunks: bytes | Exception) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk


def api_with(
    script: Script, *, key: str | None = None, on_sleep: Callable[[float], None] | None = None
) -> Api:
    return Api(
        ClientSettings(url="http://127.0.0.1:8000", api_key=key),
        patience=Patience(unreachable_s=5.0, refused_s=60.0),
        sleep=on_sleep or (lambda _seconds: None),
        transport=script,
    )


def fault(status: int, message: str = "no", **headers: str) -> httpx.Response:
    body = {"error": {"message": message, "code": "x"}}
    return httpx.Response(
        status, json=body, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


def event(name: str, **facts: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps(facts)}\n\n".encode()
