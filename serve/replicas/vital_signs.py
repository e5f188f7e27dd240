"""How this replica does, for who reports it: its GPUs are read beside its work, never within it."""

import asyncio
import logging
import platform
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import ray

from serve.messages import Vitals
from serve.telemetry.gpu_reading import GpuReading
from serve.telemetry.nvml import GpuReader

log = logging.getLogger(__name__)
READ_EVERY_S: Final = 1.0
STALE_AFTER_S: Final = 10.0
"""A library that hangs tells nothing any more; the last it told is not repeated for ever."""


class VitalSigns:
    """To be made when the replica can serve, which began to start at `began` (monotonic)."""

    def __init__(
        self,
        began: float,
        held: Callable[[], Awaitable[Sequence[str]]],
        *,
        reader: Callable[[Sequence[str]], GpuReader] = GpuReader,
        every_s: float = READ_EVERY_S,
    ) -> None:
        """`held` tells its GPUs, as Ray names them."""
        self._standing = Vitals(
            node=platform.node(), ready_at=time.time(), load_s=time.monotonic() - began
        )
        self._held = held
        self._reader = reader
        self._every_s = every_s
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="gpus")
        self._gpus: tuple[GpuReading, ...] = ()
        self._read_at = float("-inf")

    def now(self) -> Vitals:
        """With the newest readings."""
        fresh = time.monotonic() - self._read_at <= STALE_AFTER_S
        standing = self._standing
        return Vitals(
            node=standing.node,
            ready_at=standing.ready_at,
            load_s=standing.load_s,
            gpus=self._gpus if fresh else (),
        )

    async def run(self) -> None:
        """Read until cancelled; at once over where there are no GPUs."""
        if not (held := await self._told()):
            return
        reader, loop = self._reader(held), asyncio.get_running_loop()
        while True:
            self._gpus = await loop.run_in_executor(self._thread, reader.read)
            self._read_at = time.monotonic()
            await asyncio.sleep(self._every_s)

    async def _told(self) -> Sequence[str]:
        try:
            return await self._held()
        except Exception as error:  # a rank that has died: the gang is about to be replaced
            log.info("the GPUs are not known: %s", type(error).__name__)
            return ()


def own_gpus() -> list[str]:
    """Those that Ray has given this process."""
    if not ray.is_initialized():  # asked, it would start a cluster of its own
        return []
    ids = ray.get_runtime_context().get_accelerator_ids()
    return [str(gpu) for gpu in ids.get("GPU", ())]
