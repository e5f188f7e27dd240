"""A client that costs next to nothing: prepared bytes out, status and length in."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.flooding.wish import Wish


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What one flood was answered: seconds of each answer, by status how many, and how long."""

    latencies_s: tuple[float, ...]
    statuses: Mapping[int, int]
    took_s: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies_s) / self.took_s

    def quantile_s(self, part: float) -> float:
        """The latency that this part of the answers did not exceed."""
        ranked = sorted(self.latencies_s)
        return ranked[min(len(ranked) - 1, int(part * len(ranked)))]


def hammer(port: int, wishes: Sequence[Wish], *, seconds: float, connections: int) -> Sample:
    """Send one request after another on each connection, taking turns through `wishes`."""
    return asyncio.run(_hammer(port, wishes, seconds, connections))


async def _hammer(port: int, wishes: Sequence[Wish], seconds: float, connections: int) -> Sample:
    began = time.perf_counter()
    found = await asyncio.gather(
        *(
            _one_after_another(port, wishes[start::connections] or wishes, began + seconds)
            for start in range(connections)
        )
    )
    took_s = time.perf_counter() - began
    answers = [answer for answers in found for answer in answers]
    return Sample(
        latencies_s=tuple(latency for _, latency in answers),
        statuses=Counter(status for status, _ in answers),
        took_s=took_s,
    )


async def _one_after_another(
    port: int, wishes: Sequence[Wish], until: float
) -> list[tuple[int, float]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers: list[tuple[int, float]] = []
    while time.perf_counter() < until:
        sent_at = time.perf_counter()
        writer.write(wishes[len(answers) % len(wishes)].raw)
        status = await _answer(reader)
        answers.append((status, time.perf_counter() - sent_at))
    writer.close()
    return answers


async def _answer(reader: asyncio.StreamReader) -> int:
    """The status of the next answer; its body is read and thrown away."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
    await reader.readexactly(length)
    return int(lines[0].split(b" ")[1])
