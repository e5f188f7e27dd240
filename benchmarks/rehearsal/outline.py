"""The model of a rehearsal: Wan 2.1 14B by its configs alone, and the clips of the replay with it.

Nothing computes, so no weights are needed; but what is asked, its price and its predictions are
those of a full-size model.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from autoscaling.replay.jobs import (
    LARGE,
    MEDIUM,
    SMALL,
    STANDARD_DEGREE,
    Size,
    standard_gpu_s,
)
from pipelines.cost import StageCosts
from pipelines.spec import ClipRequest, resolve
from serve.models import offered_models
from serve.settings import Settings
from tests.full_configs import WAN

NAME: Final = "outline"
GANGS: Final = 4
STEPS: Final = 10
"""At most: a rehearsal looks at the service, and steps of a tenth are fine enough for that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """What is asked for, for one size of the replay."""

    size: str
    num_frames: int
    steps: int

    def fields(self, seed: int) -> dict[str, Any]:
        """As POST /v1/videos takes them."""
        return {
            "model": NAME,
            "size": self.size,
            "num_frames": self.num_frames,
            "num_inference_steps": self.steps,
            "seed": seed,
        }

    def request(self) -> ClipRequest:
        width, height = map(int, self.size.split("x"))
        return ClipRequest(
            prompt="a red ball",
            width=width,
            height=height,
            num_frames=self.num_frames,
            steps=self.steps,
        )


CLIPS: Final = {
    SMALL.name: Clip(size="832x480", num_frames=81, steps=STEPS),
    MEDIUM.name: Clip(size="1280x720", num_frames=81, steps=STEPS),
    LARGE.name: Clip(size="1280x720", num_frames=161, steps=STEPS - 2),
}
"""In the proportions of the replay's sizes, within 3 %."""


def write_outline(folder: Path) -> None:
    """The JSON files of a checkpoint, without weights."""
    files = {"model_index.json": {"_class_name": "WanPipeline"}}
    files |= {f"{part}/config.json": config for part, config in WAN.items()}
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content))


def model_values(folder: Path, *, factor: float) -> dict[str, Any]:
    """Its settings; devices are so fast that a small clip takes its time over `factor`."""
    values = _model_values(folder, gflops_per_s=1.0)
    small_s = costs_of({"models": [values]}, SMALL).total_s
    return _model_values(folder, gflops_per_s=small_s * factor / standard_gpu_s(SMALL.gpu_s))


def _model_values(folder: Path, *, gflops_per_s: float) -> dict[str, Any]:
    logical_cpus = {"num_cpus": 0.05}
    return {
        "name": NAME,
        "checkpoint": str(folder),
        "gflops_per_s": gflops_per_s,
        "sizes": sorted({clip.size for clip in CLIPS.values()}, reverse=True),
        "max_frames": max(clip.num_frames for clip in CLIPS.values()),
        "max_steps": STEPS,
        "default_steps": STEPS,
        "gangs": [{"ulysses": STANDARD_DEGREE, "min": GANGS}],
        "encoder": logical_cpus,
        "denoiser": logical_cpus,
        "decoder": logical_cpus,
    }


def costs_of(values: dict[str, Any], size: Size) -> StageCosts:
    """What the service predicts for a clip of this size, under these settings."""
    offered = offered_models(Settings.from_values(values))[NAME]
    return offered.costs(resolve(CLIPS[size.name].request(), offered.limits, fresh_seed=0))


def true_size(values: dict[str, Any], size: Size, *, factor: float) -> Size:
    """The replay's size as the rehearsal has it: what its clip should take, on one GPU."""
    gpu_s = costs_of(values, size).total_s * factor / standard_gpu_s(1.0)
    return Size(name=size.name, gpu_s=gpu_s)
