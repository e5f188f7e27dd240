"""An encoder's or a decoder's reports to the Scheduler; a gang's go with its lease."""

import asyncio
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from ray import serve as ray_serve

from serve.messages import StageReport
from serve.replicas.vital_signs import VitalSigns, own_gpus

log = logging.getLogger(__name__)


class StageReports:
    """Nothing depends on them: one that does not get through is not repeated."""

    def __init__(
        self, model: str, stage: Literal["encode", "decode"], *, began: float, every_s: float
    ) -> None:
        self._model = model
        self._stage = stage
        self._every_s = every_s
        self._signs = VitalSigns(began, _own)
        self._at_work = 0
        self._replica = ray_serve.get_replica_context().replica_id.unique_id
        self._scheduler = ray_serve.get_deployment_handle("Scheduler")
        loops = (self._signs.run(), self._run())
        self._tasks = [asyncio.create_task(loop) for loop in loops]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """The replica is busy inside this block."""
        self._at_work += 1
        try:
            yield
        finally:
            self._at_work -= 1

    async def _run(self) -> None:
        while True:
            report = StageReport(
                replica=self._replica,
                pid=os.getpid(),
                model=self._model,
                stage=self._stage,
                at_work=self._at_work,
                vitals=self._signs.now(),
            )
            try:
                await asyncio.wait_for(self._scheduler.told.remote(report), 2 * self._every_s)
            except Exception as error:
                log.debug("the scheduler was not told: %s", type(error).__name__)
            await asyncio.sleep(self._every_s)


async def _own() -> list[str]:
    return own_gpus()
