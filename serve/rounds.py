"""Work that is done again and again: one failure does not end it."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)


async def steadily(work: Callable[[], Awaitable[None]], *, every_s: float, what: str) -> None:
    """Do `work`, rest for `every_s`, and so on until cancelled."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("%s failed; trying again", what)
        await asyncio.sleep(every_s)


async def in_rounds(
    scan: Callable[[], Awaitable[None]],
    work: Callable[..., Awaitable[None]],
    wake: asyncio.Event,
    *,
    scan_s: float,
) -> None:
    """Do `work(whole=...)` whenever woken; before it, every `scan_s`, `scan`: then it is whole."""
    scanned_at = 0.0
    while True:
        began_at = time.monotonic()
        try:
            if whole := began_at - scanned_at >= scan_s:
                await scan()
                scanned_at = time.monotonic()
            await work(whole=whole)
        except Exception:
            log.exception("a scheduling round failed; trying again")
            await asyncio.sleep(scan_s)
        # A long queue takes half of the time at most, however often it is to be looked at.
        await asyncio.sleep(min(scan_s, time.monotonic() - began_at))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(wake.wait(), scan_s)
        wake.clear()


def check_alive(tasks: "list[asyncio.Task[None]]") -> None:
    """Raise `RuntimeError` if one of the tasks has ended otherwise than by returning."""
    for task in tasks:
        if task.done() and (task.cancelled() or task.exception() is not None):
            raise RuntimeError(f"the task {task.get_name()} has ended")
