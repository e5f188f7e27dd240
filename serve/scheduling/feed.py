"""News of jobs to the Gateways: each gets the latest state of each job, never an old one late."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager

from serve.messages import JobEvent, Snapshot

News = list[JobEvent | Snapshot]


class Feed:
    """Fan-out with coalescing: a slow reader skips steps and costs no more than its jobs."""

    def __init__(self) -> None:
        self._readers: set[_Reader] = set()

    def publish(self, event: JobEvent | Snapshot) -> None:
        for reader in self._readers:
            reader.put(event)

    async def read(self, first: Snapshot) -> AsyncGenerator[News, None]:
        """Everything published from now on, in batches; `first` opens the stream."""
        with self._reader() as reader:
            reader.put(first)
            while True:
                yield await reader.take()

    @contextmanager
    def _reader(self) -> "Iterator[_Reader]":
        reader = _Reader()
        self._readers.add(reader)
        try:
            yield reader
        finally:
            self._readers.discard(reader)


class _Reader:
    def __init__(self) -> None:
        self._pending: dict[str, JobEvent | Snapshot] = {}
        self._news = asyncio.Event()

    def put(self, event: JobEvent | Snapshot) -> None:
        key = event.job_id if isinstance(event, JobEvent) else ""
        self._pending.pop(key, None)
        self._pending[key] = event
        self._news.set()

    async def take(self) -> News:
        await self._news.wait()
        batch = list(self._pending.values())
        self._pending.clear()
        self._news.clear()
        return batch
