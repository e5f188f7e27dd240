"""Work that is done again and again: one failure does not end it."""

import asyncio
import logging
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


def check_alive(tasks: "list[asyncio.Task[None]]") -> None:
    """Raise `RuntimeError` if one of the tasks has ended otherwise than by returning."""
    for task in tasks:
        if task.done() and (task.cancelled() or task.exception() is not None):
            raise RuntimeError(f"the task {task.get_name()} has ended")
