"""The models that this service offers: settings and a checkpoint become limits and a price."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipelines.checkpoint import Checkpoint
from pipelines.registry import open_checkpoint
from pipelines.spec import ClipSpec, ModelLimits
from serve.gateway.parts import ServedModel
from serve.settings import Model, Settings


def open_checkpoint_of(model: Model, data_dir: Path) -> Checkpoint:
    """The checkpoint that a model's settings name; `embedded` is made on first use.

    Raises `CheckpointError`, which says what is wrong and what to do.
    """
    if model.checkpoint == "embedded":
        # Imported late: it needs torch, which a Gateway does without.
        from pipelines.embedded import ensure_embedded

        return open_checkpoint(str(ensure_embedded(data_dir / "checkpoints" / "embedded")))
    return open_checkpoint(model.checkpoint, revision=model.revision, offline=model.offline)


def limits_of(model: Model, checkpoint: Checkpoint) -> ModelLimits:
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
