"""The decode stage as a replica: stored latents become a stored clip."""

import tempfile
import time
from pathlib import Path
from typing import Any

from pipelines.handoff import unpack
from pipelines.media.mux import write_clip
from pipelines.media.stills import spritesheet, thumbnail
from pipelines.spec import ClipSpec
from pipelines.stages.decode import DecodeStage
from serve.artifacts.store import CLIP_FILES, clip_prefix, latents_key
from serve.deployments.device_thread import DeviceThread
from serve.deployments.fitness import Fitness
from serve.deployments.memory import contained
from serve.deployments.replica import open_replica
from serve.deployments.second_chance import with_second_chance
from serve.messages import Decoded


class Decoder:
    """One replica of a model's decode stage. It publishes nothing: the job's row does that."""

    async def __init__(self, values: dict[str, Any], model_name: str) -> None:  # type: ignore[misc]
        self._device = DeviceThread("decode")
        self._fitness = Fitness()
        self._replica = await self._device.call(lambda: open_replica(values, model_name, "decoder"))
        here = self._replica
        self._stage = await self._device.call(
            lambda: DecodeStage.load(
                here.checkpoint,
                dtype=here.dtype,
                device=here.device,
                offload=here.model.offload,
                memory_bytes=here.memory_bytes,
            )
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
        with tempfile.TemporaryDirectory(prefix="filmgate-") as folder:
            seconds = await self._made(spec, blob, Path(folder))
            for name in CLIP_FILES.values():
                await self._replica.artifacts.put_file(prefix + name, Path(folder) / name)
        return Decoded(prefix=prefix, seconds=seconds)

    async def _made(self, spec: ClipSpec, blob: bytes, folder: Path) -> float:
        async def make() -> float:
            return await self._device.call(
                lambda: contained(lambda: self._make(spec, blob, folder))
            )

        async with self._fitness.judged():
            return await with_second_chance(spec, make)

    def _make(self, spec: ClipSpec, blob: bytes, folder: Path) -> float:
        began = time.monotonic()
        footage = self._stage.decode(spec, unpack(blob, "latents"))
        write_clip(
            folder / CLIP_FILES["video"],
            footage.video,
            footage.fps,
            footage.audio,
            footage.sample_rate,
        )
        (folder / CLIP_FILES["thumbnail"]).write_bytes(thumbnail(footage.video))
        (folder / CLIP_FILES["spritesheet"]).write_bytes(spritesheet(footage.video).blob)
        return time.monotonic() - began
