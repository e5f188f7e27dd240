"""What stands in for a model's stages: each sleeps for as long as the cost model says.

Time is compressed by the settings: a `gflops_per_s` that is twenty times a device's makes every
clip, and every prediction of it, twenty times shorter. Predictions err: a seed from 100 to 9,999 is
read as the thousandths of the predicted time that denoising takes.
"""

import dataclasses
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from pipelines.cost import StageCosts
from pipelines.handoff import Parcel
from pipelines.spec import ClipSpec
from pipelines.stages.denoise import StaleCheckpoint

Costs = Callable[[ClipSpec], StageCosts]
Sleep = Callable[[float], object]
SEEDS_OF_LUCK = range(100, 10_000)


def identity(spec: ClipSpec, *more: bytes | None) -> str:
    """Of a clip, and of what comes with it; no text can be read from it."""
    digest = hashlib.sha256(json.dumps(dataclasses.asdict(spec), sort_keys=True).encode())
    for blob in more:
        digest.update(blob or b"")
    return digest.hexdigest()


def luck(spec: ClipSpec) -> float:
    """How many times longer than predicted the clip takes."""
    return spec.seed / 1_000 if spec.seed in SEEDS_OF_LUCK else 1.0


class SleepingEncode:
    """In place of `EncodeStage`."""

    def __init__(self, costs: Costs, sleep: Sleep = time.sleep) -> None:
        self._costs = costs
        self._sleep = sleep

    def key(self, spec: ClipSpec, picture: bytes | None = None) -> str:
        return identity(spec, picture)

    def neutral_batch(self, probe: ClipSpec, most: int) -> int:
        """One: who sleeps for several sleeps as long as for each by itself."""
        return 1

    def encode(self, spec: ClipSpec, picture: Any = None) -> Parcel:
        self._sleep(self._costs(spec).encode_s)
        return Parcel("conditioning", {"x": torch.zeros(1)}, {"clip": identity(spec)})

    def encode_together(self, specs: Sequence[ClipSpec]) -> list[Parcel]:
        return [self.encode(spec) for spec in specs]


class SleepingDenoise:
    """In place of `DenoiseStage`, for all devices of a gang: they share the work evenly."""

    def __init__(self, costs: Costs, devices: int, sleep: Sleep = time.sleep) -> None:
        self._costs = costs
        self._devices = devices
        self._sleep = sleep

    def use_attention(self, asked: str) -> str:
        return "sleep"

    def take_attention(self, kernel: str) -> None:
        """There is nothing to run with them."""

    def use_offload(self, mode: str) -> None:
        """There are no weights."""

    def begin(self, spec: ClipSpec, conditioning: Parcel) -> "SleepingJob":
        return self._job(spec, 0)

    def resume(self, spec: ClipSpec, checkpoint: Parcel) -> "SleepingJob":
        """Raises `StaleCheckpoint` for one of another clip, as the real stage does."""
        if checkpoint.values.get("clip") != identity(spec):
            raise StaleCheckpoint("the checkpoint is of another clip")
        return self._job(spec, int(checkpoint.values["step"]))

    def _job(self, spec: ClipSpec, step: int) -> "SleepingJob":
        step_s = luck(spec) * self._costs(spec).denoise_s / spec.steps / self._devices
        return SleepingJob(spec, step, step_s, self._sleep)


class SleepingJob:
    """A job under way: its state is the number of finished steps."""

    def __init__(self, spec: ClipSpec, step: int, step_s: float, sleep: Sleep) -> None:
        self.step = step
        self.steps = spec.steps
        self._clip = identity(spec)
        self._step_s = step_s
        self._sleep = sleep

    def advance(self) -> None:
        self._sleep(self._step_s)
        self.step += 1

    def checkpoint(self) -> Parcel:
        return Parcel("checkpoint", {"x": torch.zeros(1)}, {"clip": self._clip, "step": self.step})

    def latents(self) -> Parcel:
        return Parcel("latents", {"x": torch.zeros(1)}, {"clip": self._clip})


class SleepingDecode:
    """In place of `DecodeStage`."""

    def __init__(self, costs: Costs, sleep: Sleep = time.sleep) -> None:
        self._costs = costs
        self._sleep = sleep

    def decode(self, spec: ClipSpec, latents: Parcel) -> None:
        """Raises ValueError for the latents of another clip."""
        if latents.values.get("clip") != identity(spec):
            raise ValueError("the latents are of another clip")
        self._sleep(self._costs(spec).decode_s)
