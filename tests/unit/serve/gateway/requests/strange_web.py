"""A small site under every name, names that resolve to what a test says, and a fetcher for it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from serve.gateway.requests.fetching import PictureFetcher

MAX_BYTES = 1_000
Answer = Callable[[str, asyncio.StreamWriter], Awaitable[None]]


def answer_of(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Web:
    """One server for every name; it remembers the requests."""

    def __init__(self, port: int, resolver: "Resolver") -> None:
        self.port = port
        self.resolver = resolver
        self.requests: list[str] = []

    def url(self, path: str, host: str = "pictures.example") -> str:
        return f"http://{host}:{self.port}{path}"


class Resolver:
    """Names and what they resolve to, one answer after the other; the last one stays."""

    def __init__(self) -> None:
        self.answers: dict[str, list[str]] = {}
        self.asked: list[str] = []

    async def getaddrinfo(self, host: str, port: int, **_: Any) -> list[Any]:
        self.asked.append(host)
        answers = self.answers.get(host, ["127.0.0.1"])
        address = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(0, 0, 0, "", (address, port))]


@asynccontextmanager
async def web(answer: Answer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Web]:
    resolver = Resolver()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = (await reader.readuntil(b"\r\n\r\n")).decode()
            place.requests.append(request)
            await answer(request.split()[1], writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    place = Web(server.sockets[0].getsockname()[1], resolver)
    real = asyncio.get_running_loop().getaddrinfo

    async def getaddrinfo(host: str, port: int, **kwargs: Any) -> list[Any]:
        if host.endswith(".example"):
            return await resolver.getaddrinfo(host, port)
        return list(await real(host, port, **kwargs))

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    async with server:
        yield place


@asynccontextmanager
async def fetcher(*, allow_private: bool = True) -> AsyncIterator[PictureFetcher]:
    fetcher = PictureFetcher(max_bytes=MAX_BYTES, allow_private=allow_private)
    try:
        yield fetcher
    finally:
        await fetcher.close()


async def pictures(path: str, writer: asyncio.StreamWriter) -> None:
    """A small site."""
    pages = {
        "/ok": answer_of(b"picture"),
        "/moved": answer_of(status="302 Found", location="/ok"),
        "/loop": answer_of(status="302 Found", location="/loop"),
        "/inside": answer_of(status="302 Found", location="http://inside.example/secret"),
        "/file": answer_of(status="302 Found", location="file:///etc/passwd"),
        "/login": answer_of(status="302 Found", location="http://u:p@pictures.example/ok"),
        "/large": answer_of(b"x" * (MAX_BYTES + 1)),
        "/full": answer_of(b"x" * MAX_BYTES),
        "/zipped": answer_of(b"x", content_encoding="gzip"),
    }
    writer.write(pages.get(path, answer_of(status="404 Not Found")))
    await writer.drain()
