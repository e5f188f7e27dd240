"""Watching a gang from rank 0: a rank that dies, hangs or fails alone ends the whole gang.

The others would wait for it in the midst of a step, some devices for ever. So the gang is given up:
its processes are ended, Serve puts a fresh gang in its place, and the job goes on there. Where a
rank failed alone, its job hears the error first.
"""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, TypeVar

from ray.exceptions import RayActorError

from serve.replicas.faults import GangBroken
from serve.settings.sections import GangCare

log = logging.getLogger(__name__)
T = TypeVar("T")
PING_EVERY_S = 1.0
LOADING = 6
"""So many times longer may a rank keep silent while it loads."""


class GangWatch:
    """For the event loop, which goes on while the device's thread is in a step."""

    def __init__(
        self,
        others: Sequence[Any],
        care: GangCare,
        *,
        give_up: Callable[[str], object],
        abandon: Callable[[Exception], object],
    ) -> None:
        """`give_up` ends the gang at once; `abandon` hears of the error that it ends with."""
        self._others = others
        self._care = care
        self._give_up = give_up
        self._abandon = abandon
        self._loop = asyncio.get_running_loop()

    @property
    def patience_s(self) -> float:
        """How long ranks are waited for that may wait themselves for one that failed."""
        return self._care.rank_timeout_s

    def end(self) -> None:
        """End the gang, which has lost a device or is broken."""
        self._give_up("a device is lost, or its ranks no longer agree")

    async def beside(self, loading: Awaitable[T]) -> T:
        """The result of `loading`, within which all ranks are asked whether they are there.

        Importing libraries and opening a device may keep a process from answering for seconds.
        """
        asking = asyncio.create_task(self.run(LOADING * self._care.rank_timeout_s))
        try:
            return await loading
        finally:
            asking.cancel()

    async def run(self, silence_s: float | None = None) -> None:
        """Ask every rank again and again whether it is there."""
        silence_s = silence_s or self._care.rank_timeout_s
        while True:
            answers = (
                self._ping(rank, other, silence_s) for rank, other in enumerate(self._others, 1)
            )
            await asyncio.gather(*answers)
            await asyncio.sleep(PING_EVERY_S)

    async def _ping(self, rank: int, other: Any, silence_s: float) -> None:
        try:
            await asyncio.wait_for(_answer(other.ping.remote()), silence_s)
        except TimeoutError:
            self._give_up(f"rank {rank} has not answered for {silence_s:g} s")
        except RayActorError:
            self._give_up(f"rank {rank} has died")

    @contextlib.contextmanager
    def over(self, calls: Sequence[Any]) -> Iterator[None]:
        """For the device's thread: inside this block all ranks do the same; `calls` are others'."""
        following = asyncio.run_coroutine_threadsafe(self._follow(calls), self._loop)
        try:
            yield
        finally:
            following.cancel()

    async def _follow(self, calls: Sequence[Any]) -> None:
        late_s = self._care.step_timeout_s
        try:
            async with asyncio.timeout(late_s):
                await asyncio.gather(*(_answer(call) for call in calls))
                await asyncio.Event().wait()  # only rank 0 is still at it: this ends with the block
        except TimeoutError:
            self._give_up(f"a step took longer than {late_s:g} s")
        except RayActorError:
            self._give_up("a rank has died within a step")
        except Exception as error:
            # They failed alike and return as well, unless they wait for the one that failed.
            await asyncio.sleep(self.patience_s)
            broken = GangBroken(f"a rank failed alone within a step ({type(error).__name__})")
            broken.__cause__ = error
            self._abandon(broken)


async def _answer(call: Awaitable[Any]) -> Any:
    """Ray's references are awaitable, but no coroutines."""
    return await call


def end_gang(pids: Sequence[int], reason: str) -> None:
    """End the other ranks, which are on this host and may be stopped or stuck, then this one."""
    log.error("the gang is given up: %s", reason)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    os._exit(1)
