"""Waiting out a job store that does not answer: a running clip is not thrown away for that."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
log = logging.getLogger(__name__)
FIRST_PAUSE_S = 0.1
LAST_PAUSE_S = 5.0


async def outlast(ask: Callable[[], Awaitable[T]], *, job_id: str) -> T:
    """The answer to `ask`, which is repeated until there is one.

    For fenced writes and for reads: if an answer was lost, the repetition of a write that was
    carried out is refused.
    """
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            return await ask()
        except Exception as error:
            log.warning(
                "the job store failed, asking again: %s",
                type(error).__name__,
                extra={"job_id": job_id},
            )
        await asyncio.sleep(pause_s)
        pause_s = min(LAST_PAUSE_S, 2 * pause_s)
