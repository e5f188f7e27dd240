"""The models that this service offers: settings and a checkpoint become limits and a price."""

import dataclasses
from pathlib import Path
from typing import Any

from pipelines.checkpoint import Checkpoint
from pipelines.cost import StageCosts, predict
from pipelines.embedded.place import ensure_embedded
from pipelines.registry import open_checkpoint
from pipelines.shapes.configs import shape_from_configs
from pipelines.shapes.shape import ModelShape
from pipelines.spec import ClipSpec, ModelLimits
from serve.settings import Model, Settings


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OfferedModel:
    """What is known of a model without its weights."""

    settings: Model
    limits: ModelLimits
    shape: ModelShape

    def costs(self, spec: ClipSpec) -> StageCosts:
        """Predicted GPU-seconds of a clip, before any correction by experience."""
        return predict(self.shape, spec, gflops_per_s=self.settings.gflops_per_s)


def open_checkpoint_of(model: Model, data_dir: Path) -> Checkpoint:
    """The checkpoint that a model's settings name; `embedded` is made on first use.

    Raises `CheckpointError`, which says what is wrong and what to do.
    """
    if model.checkpoint == "embedded":
        return open_checkpoint(str(ensure_embedded(data_dir / "checkpoints" / "embedded")))
    return open_checkpoint(model.checkpoint, revision=model.revision, offline=model.offline)


def offered_models(settings: Settings) -> dict[str, OfferedModel]:
    """Every configured model by name, the default one first."""
    return {model.name: _offered(model, settings.data_dir) for model in settings.models}


def _offered(model: Model, data_dir: Path) -> OfferedModel:
    checkpoint = open_checkpoint_of(model, data_dir)
    shape = shape_from_configs(
        checkpoint.configs,
        text_tokens=checkpoint.family.max_sequence_length,
        guiders=checkpoint.family.guiders,
    )
    return OfferedModel(settings=model, limits=_limits(model, checkpoint), shape=shape)


def _limits(model: Model, checkpoint: Checkpoint) -> ModelLimits:
    """The checkpoint's own limits, narrowed by the settings."""
    changes: dict[str, Any] = {
        "sizes": tuple(_size(size) for size in model.sizes),
        "max_frames": model.max_frames,
        "max_steps": model.max_steps,
        "default_steps": model.default_steps,
    }
    limits = dataclasses.replace(
        checkpoint.family.limits, **{name: value for name, value in changes.items() if value}
    )
    return dataclasses.replace(
        limits,
        free_sizes=limits.free_sizes and not model.sizes,
        default_frames=min(limits.default_frames, limits.max_frames),
        default_steps=min(limits.default_steps, limits.max_steps),
    )


def _size(text: str) -> tuple[int, int]:
    width, height = text.split("x")
    return int(width), int(height)
