"""One named thread per replica for torch: never on the event loop, never two at once."""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class DeviceThread:
    """Runs blocking calls one at a time. A cancelled caller still waits until its call is over,

    because a running kernel cannot be interrupted and the device must not be handed on before.
    """

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self.on_error: Callable[[BaseException], object] = lambda _: None
        """Hears what calls raise, also those whose callers have gone."""

    async def call(self, work: Callable[[], T]) -> T:
        """The result of `work()`; raises what it raises."""
        future = asyncio.get_running_loop().run_in_executor(self._executor, work)
        future.add_done_callback(self._hear)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await settle(future)
            raise

    def _hear(self, future: "asyncio.Future[T]") -> None:
        if not future.cancelled() and (error := future.exception()):
            self.on_error(error)


async def settle(future: "asyncio.Future[T]") -> None:
    """Wait for `future` whatever happens: more cancellations do not cut the wait short."""
    while not future.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([future])
