"""The decode stage as a replica: stored latents become a stored clip."""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.handoff import unpack
from pipelines.media.mux import write_clip
from pipelines.media.stills import write_spritesheet, write_thumbnail
from pipelines.spec import ClipSpec
from pipelines.stages.decode import DecodeStage
from serve.artifacts.store import clip_prefix, latents_key
from serve.deployments.device_thread import DeviceThread
from serve.deployments.replica import open_replica

VARIANTS = {"video": "video.mp4", "thumbnail": "thumbnail.webp", "spritesheet": "spritesheet.webp"}
"""File name of each content variant below a clip's prefix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """Where the clip lies and how long it took, in seconds."""

    prefix: str
    seconds: float


class Decoder:
    """One replica of a model's decode stage. It publishes nothing: the job's row does that."""

    async def __init__(self, values: dict[str, Any], model_name: str) -> None:  # type: ignore[misc]
        self._device = DeviceThread("decode")
        self._replica = await self._device.call(lambda: open_replica(values, model_name, "decoder"))
        here = self._replica
        self._stage = await self._device.call(
            lambda: DecodeStage.load(here.checkpoint, dtype=here.dtype, device=here.device)
        )

    async def ready(self) -> bool:
        """Answers once the stage is loaded."""
        return True

    async def decode(self, job_id: str, attempt: int, spec: ClipSpec) -> Decoded:
        """Decode the job's stored latents and store clip, thumbnail and spritesheet."""
        blob = await self._replica.artifacts.get(latents_key(job_id))
        prefix = clip_prefix(job_id, attempt)
        with tempfile.TemporaryDirectory(prefix="filmgate-") as folder:
            seconds = await self._device.call(lambda: self._make(spec, blob, Path(folder)))
            for name in VARIANTS.values():
                await self._replica.artifacts.put_file(prefix + name, Path(folder) / name)
        return Decoded(prefix=prefix, seconds=seconds)

    def _make(self, spec: ClipSpec, blob: bytes, folder: Path) -> float:
        began = time.monotonic()
        footage = self._stage.decode(spec, unpack(blob, "latents"))
        write_clip(
            folder / VARIANTS["video"],
            footage.video,
            fps=footage.fps,
            audio=footage.audio,
            sample_rate=footage.sample_rate,
        )
        write_thumbnail(folder / VARIANTS["thumbnail"], footage.video)
        write_spritesheet(folder / VARIANTS["spritesheet"], footage.video)
        return time.monotonic() - began
