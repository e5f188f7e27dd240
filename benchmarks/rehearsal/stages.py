"""The replicas of a rehearsal: the service's own, around stages that sleep.

Queues, locks, leases, checkpoints, second chances and artifacts are the real ones. A gang of
several ranks is one process here, which sleeps for all of them.
"""

import functools
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.rehearsal.sleeping import Costs, SleepingDecode, SleepingDenoise, SleepingEncode
from pipelines.handoff import unpack
from pipelines.media.mux import write_clip
from pipelines.media.stills import spritesheet, thumbnail
from pipelines.spec import ClipSpec
from serve.artifacts.store import CLIP_FILES
from serve.deployments.decoder import Decoder
from serve.deployments.denoiser import Denoiser
from serve.deployments.encoder import Encoder
from serve.models import offered_models
from serve.replicas.gang import Gang
from serve.replicas.gang_watch import GangWatch, end_gang
from serve.replicas.rank import Rank
from serve.replicas.replica import StageReplica


def costs_of(here: StageReplica) -> Costs:
    """What each stage of a clip takes, by the model's own cost model and settings."""
    return offered_models(here.settings)[here.model.name].costs


class SleepingEncoder(Encoder):
    """Conditioning is a parcel with one number."""

    def load(self, here: StageReplica) -> Any:
        return SleepingEncode(costs_of(here))


class SleepingDenoiser(Denoiser):
    """Checkpoints and latents are parcels with one number; steps take their time."""

    async def form(self, values: dict[str, Any]) -> Gang:
        stage = SleepingDenoise(costs_of(self._replica), self._shape.world)
        watch = GangWatch(
            (),
            self._replica.settings.gang,
            give_up=functools.partial(end_gang, ()),
            abandon=self._device.abandon,
        )
        return Gang(Rank(stage), watch)


class SleepingDecoder(Decoder):
    """Every clip is the same small one, whatever its size should be."""

    def load(self, here: StageReplica) -> Any:
        self._files = small_clip()
        return SleepingDecode(costs_of(here))

    async def _make(self, spec: ClipSpec, blob: bytes, folder: Path, *, tiled: bool) -> float:
        """On the device's thread, so that one replica decodes one clip at a time."""

        def make() -> float:
            began = time.monotonic()
            self._stage.decode(spec, unpack(blob, "latents"))
            return time.monotonic() - began

        seconds = await self._device.call(make)
        for name, content in self._files.items():
            (folder / name).write_bytes(content)
        return seconds


def small_clip() -> dict[str, bytes]:
    """The files of a clip that plays: half a second of black."""
    video = np.zeros((4, 64, 64, 3), np.uint8)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "video.mp4"
        write_clip(path, video, fps=8)
        made = {"video": path.read_bytes()}
    made |= {"thumbnail": thumbnail(video), "spritesheet": spritesheet(video).blob}
    return {file: made[variant] for variant, file in CLIP_FILES.items()}
