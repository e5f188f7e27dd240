"""The decode stage as a replica: stored latents become a stored clip."""

import asyncio
import logging
import tempfile
import time
from pathlib import Path
from typing import Any

from pipelines.handoff import unpack
from pipelines.media.stills import spritesheet, thumbnail
from pipelines.spec import ClipSpec
from pipelines.stages.decode import DecodeStage, Pixels
from pipelines.stages.film import Film
from serve.artifacts.store import CLIP_FILES, clip_prefix, latents_key
from serve.messages import Decoded
from serve.replicas.device_thread import DeviceThread
from serve.replicas.faults import Fault
from serve.replicas.fitness import Fitness
from serve.replicas.memory import contained
from serve.replicas.replica import StageReplica, open_replica
from serve.replicas.second_chance import with_second_chance
from serve.replicas.stage_reports import StageReports

log = logging.getLogger(__name__)


class Decoder:
    """One replica of a model's decode stage. It publishes nothing: the job's row does that."""

    async def __init__(self, values: dict[str, Any], model_name: str) -> None:  # type: ignore[misc]
        began = time.monotonic()
        self._device = DeviceThread("decode")
        self._fitness = Fitness()
        self._device.on_error = self._fitness.hear
        self._replica = await self._device.call(lambda: open_replica(values, model_name, "decoder"))
        here = self._replica
        self._stage = await self._device.call(lambda: self.load(here))
        period_s = here.settings.lease.period_s
        self._reports = StageReports(model_name, "decode", began=began, every_s=period_s)

    def load(self, here: StageReplica) -> DecodeStage:
        """What decodes, loaded. A rehearsal has another that does not compute."""
        return DecodeStage.load(
            here.checkpoint,
            dtype=here.dtype,
            device=here.device,
            offload=here.model.offload,
            memory_bytes=here.memory_bytes,
        )

    async def check_health(self) -> None:
        """Unhealthy once the device is lost."""
        self._fitness.check()

    async def ready(self) -> bool:
        """Answers once the stage is loaded."""
        return True

    async def decode(self, job_id: str, attempt: int, spec: ClipSpec) -> Decoded:
        """Decode the job's stored latents and store clip, thumbnail and spritesheet."""
        blob = await self._replica.artifacts.get(latents_key(job_id))
        prefix = clip_prefix(job_id, attempt)
        with tempfile.TemporaryDirectory(prefix="filmgate-") as name:
            folder = Path(name)
            seconds = await self._made(spec, blob, folder)
            made_at = time.time()
            for file in CLIP_FILES.values():
                await self._replica.artifacts.put_file(prefix + file, folder / file)
        log.debug(
            "clip made",
            extra={
                "job_id": job_id,
                "attempt": attempt,
                "stage": "decode",
                "began_at": made_at - seconds,
                "seconds": seconds,
            },
        )
        return Decoded(prefix=prefix, seconds=seconds)

    async def _made(self, spec: ClipSpec, blob: bytes, folder: Path) -> float:
        """With a second chance: out of memory, in tiles."""

        async def make(after: Fault | None) -> float:
            return await self._make(spec, blob, folder, tiled=after is Fault.MEMORY)

        async with self._fitness.judged():
            with self._reports.at_work():
                return await with_second_chance(spec, make, "in tiles")

    async def _make(self, spec: ClipSpec, blob: bytes, folder: Path, *, tiled: bool) -> float:
        """The clip's files, and what they took without the wait for the device."""
        with Film(folder / CLIP_FILES["video"], spec) as film:

            def expose() -> tuple[float, Pixels]:
                began = time.monotonic()
                return began, film.expose(self._stage, unpack(blob, "latents"), tiled=tiled)

            began, video = await self._device.call(lambda: contained(expose))
            # The device is free for the next clip already.
            await asyncio.to_thread(_make_stills, video, folder)
            await asyncio.to_thread(contained, film.finish)
            return time.monotonic() - began


def _make_stills(video: Pixels, folder: Path) -> None:
    (folder / CLIP_FILES["thumbnail"]).write_bytes(thumbnail(video))
    (folder / CLIP_FILES["spritesheet"]).write_bytes(spritesheet(video).blob)
