"""One named thread per replica for torch: never on the event loop, never two at once."""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


class DeviceThread:
    """Runs blocking calls one at a time.

    A cancelled caller still waits until its call is over, because a running kernel cannot be
    interrupted and the device must not be handed on before.
    """

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self.on_error: Callable[[BaseException], object] = lambda _: None
        """Hears what calls raise, also those whose callers have gone."""
        self._answers: set[asyncio.Future[Any]] = set()
        self._abandoned: Exception | None = None

    async def call(self, work: Callable[[], T]) -> T:
        """The result of `work()`; raises what it raises."""
        if self._abandoned:
            raise self._abandoned
        future = asyncio.get_running_loop().run_in_executor(self._executor, work)
        future.add_done_callback(self._hear)
        answer = asyncio.shield(future)  # may come without the thread: see `abandon`
        self._answers.add(answer)
        answer.add_done_callback(self._answers.discard)
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            await settle(answer)
            raise

    def abandon(self, error: Exception) -> None:
        """The thread will never come back: every call, under way or yet to come, raises `error`."""
        self._abandoned = error
        for answer in tuple(self._answers):
            if not answer.done():
                answer.set_exception(error)
        self.on_error(error)

    def _hear(self, future: "asyncio.Future[T]") -> None:
        if not future.cancelled() and (error := future.exception()):
            self.on_error(error)


async def settle(future: "asyncio.Future[T]") -> None:
    """Wait for `future` whatever happens: more cancellations do not cut the wait short."""
    while not future.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([future])
