"""The client of the flood: every answer is counted, and a request is what a server can read."""

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from benchmarks.flooding.hammer import Sample, hammer
from benchmarks.flooding.wish import wish


class Door:
    """A server that answers 429 to each request, and keeps the bodies that it read."""

    def __init__(self) -> None:
        self.port: Future[int] = Future()
        self.bodies: list[bytes] = []
        self.paths: set[bytes] = set()
        self._over = threading.Event()

    def run(self) -> None:
        asyncio.run(self._serve())

    def close(self) -> None:
        self._over.set()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        async with server:
            self.port.set_result(server.sockets[0].getsockname()[1])
            await asyncio.to_thread(self._over.wait)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await _head(reader):
            lines = head.lower().split(b"\r\n")
            self.paths.add(head.split(b" ")[1])
            length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
            self.bodies.append(await reader.readexactly(length))
            writer.write(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 2\r\n\r\nno")
        writer.close()


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door()
    thread = threading.Thread(target=door.run)
    thread.start()
    yield door
    door.close()
    thread.join()


def test_every_answer_is_counted(door: Door) -> None:
    wishes = [wish("/bare", f"key{number}", number) for number in range(3)]
    sample = hammer(door.port.result(), wishes, seconds=0.1, connections=2)
    assert sample.statuses == {429: len(door.bodies)}
    assert len(sample.latencies_s) == len(door.bodies) >= 2
    assert door.paths == {b"/bare/v1/videos"}
    assert all("prompt" in json.loads(body) for body in door.bodies)


def test_rates_and_quantiles() -> None:
    sample = Sample(latencies_s=(0.4, 0.1, 0.3, 0.2), statuses={429: 4}, took_s=2.0)
    assert sample.rate == 2.0
    assert (sample.quantile_s(0.5), sample.quantile_s(0.99)) == (0.3, 0.4)
