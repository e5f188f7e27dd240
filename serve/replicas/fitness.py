"""Whether a stage's replica still has its device: one that has lost it fails, and is replaced."""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Callable

from serve.replicas.faults import Fault, fault_of

log = logging.getLogger(__name__)
FAREWELL_S = 0.5
"""Time for the answer in which the error travels."""


class DeviceLost(Exception):
    """An error from which no process recovers: only a fresh one can use the device again."""


class Fitness:
    """After a lost device nothing here works any more, and Serve does not know it yet.

    An idle broken replica is the first that Serve would send the next job to. So the health check
    fails, no call is let in, and the process ends by itself before three checks have failed.
    """

    def __init__(self, end: Callable[[], object] = lambda: os._exit(1)) -> None:
        self._end = end
        self._lost: str | None = None

    @property
    def lost(self) -> bool:
        """Whether nothing more may be asked of the device."""
        return self._lost is not None

    def check(self) -> None:
        """Raise `DeviceLost` once the device is lost."""
        if self._lost:
            raise DeviceLost(self._lost)

    @contextlib.asynccontextmanager
    async def judged(self) -> AsyncIterator[None]:
        """Calls to the stage go through this block; their errors are heard, and raised again."""
        if self._lost:
            await asyncio.Event().wait()  # until the process ends: the job goes on elsewhere
        try:
            yield
        except Exception as error:
            self.hear(error)
            raise

    def hear(self, error: BaseException) -> None:
        """Judge an error, also one that no caller waits for any more."""
        if fault_of(error) is Fault.DEVICE and not self._lost:
            self._lost = f"{type(error).__name__}: the device is lost to this process"
            log.error("this replica has lost its device and ends", exc_info=error)
            asyncio.get_running_loop().call_later(FAREWELL_S, self._end)
