"""The newest page of the load, framed once for all who look at it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from serve.gateway.live import TooManyWatches
from serve.messages import Snapshot


class LoadBoard:
    """A slow reader skips pages and costs no more than one."""

    def __init__(self, *, max_watches: int) -> None:
        self._max_watches = max_watches
        self._num_watches = 0
        self._number = 0
        self._page = b""
        self._frame = b""
        self._news = asyncio.Event()

    def show(self, snapshot: Snapshot) -> None:
        """Take its page, unless it is the one that is shown."""
        if snapshot.page in (b"", self._page):
            return
        self._number += 1
        self._page = snapshot.page
        self._frame = b"event: load\nid: %d\ndata: %b\n\n" % (self._number, self._page)
        news, self._news = self._news, asyncio.Event()
        news.set()

    @contextmanager
    def watch(self) -> Iterator[None]:
        """A place for one reader; raises `TooManyWatches`."""
        if self._num_watches >= self._max_watches:
            raise TooManyWatches
        self._num_watches += 1
        try:
            yield
        finally:
            self._num_watches -= 1

    async def next(self, seen: int) -> tuple[int, bytes]:
        """The newest frame and its number, once that is another than `seen`."""
        while self._number == seen:
            await self._news.wait()
        return self._number, self._frame
