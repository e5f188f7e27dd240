"""How often the stores failed this Gateway, handed over to who measures."""

import asyncio
import logging
from collections.abc import Callable

from serve.gateway.admission.demand import PATIENCE_S
from serve.gateway.link import SchedulerLink
from serve.messages import StoreErrors

log = logging.getLogger(__name__)


async def report_errors(
    counts: Callable[[], tuple[int, int]], link: SchedulerLink, *, every_s: float
) -> None:
    """For as long as this Gateway lives; `counts` are those of the job and artifact store so far.

    What cannot be handed over is handed over with what comes next.
    """
    told = (0, 0)
    while True:
        await asyncio.sleep(every_s)
        now = counts()
        if now == told:
            continue
        errors = StoreErrors(jobs=now[0] - told[0], artifacts=now[1] - told[1])
        try:
            async with asyncio.timeout(PATIENCE_S):
                await link.failed(errors)
        except Exception as error:
            log.info("the scheduler was not told of store errors: %s", type(error).__name__)
        else:
            told = now
