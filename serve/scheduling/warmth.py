"""Which models are warm: each of their stages has answered."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping

from serve.attempts.attempt import StageHandles
from serve.attempts.gangs import Gangs
from serve.settings.sections import Lease

log = logging.getLogger(__name__)


class Warmth:
    """`models` are the warm ones so far; `then` is done with each new one."""

    def __init__(
        self,
        stages: Mapping[str, StageHandles],
        gangs: Gangs,
        lease: Lease,
        *,
        then: Callable[[], Awaitable[None]],
    ) -> None:
        self._stages = stages
        self._gangs = gangs
        self._pause_s = lease.period_s / 4
        self._then = then
        self.models: set[str] = set()

    async def wait_for(self, model: str) -> None:
        """Until the model is warm. One that sleeps is not asked: that would wake its stages."""
        handles = self._stages[model]
        while model not in self.models:
            if model in self._gangs.models(time.monotonic()):
                try:
                    await handles.encoder.ready.remote()
                    await handles.decoder.ready.remote()
                except Exception as error:  # a replica that died while it was loading
                    log.warning("%s is not warm yet: %s", model, type(error).__name__)
                else:
                    self.models.add(model)
                    continue
            await asyncio.sleep(self._pause_s)
        await self._then()
