"""What every stage replica sets up the same way: settings, threads, checkpoint, artifacts."""

import logging
from dataclasses import dataclass
from typing import Any

import torch

from pipelines.checkpoint import Checkpoint
from serve.artifacts.location import open_artifacts
from serve.artifacts.store import ArtifactStore
from serve.models import open_checkpoint_of
from serve.settings import Settings
from serve.settings.replicas import Replicas
from serve.settings.sections import Model
from serve.telemetry.logs import configure_logging


@dataclass(frozen=True, slots=True, kw_only=True)
class StageReplica:
    """A stage's surroundings: what to load, where to run it, where to keep what it makes."""

    settings: Settings
    model: Model
    checkpoint: Checkpoint
    artifacts: ArtifactStore
    dtype: torch.dtype
    device: torch.device
    memory_bytes: int | None
    """What the stage may use of its device; None on a CPU of which nothing was said."""


def open_replica(values: dict[str, Any], model_name: str, stage: str) -> StageReplica:
    """Settings travel to replicas as plain values; `stage` is encoder, denoiser or decoder."""
    settings = Settings.from_values(values)
    configure_logging(settings.log)
    model = next(model for model in settings.models if model.name == model_name)
    resources: Replicas = getattr(model, stage)
    torch.set_num_threads(resources.threads)
    logging.getLogger(__name__).info(
        "loading %s of %s", stage, model_name, extra={"model": model_name, "stage": stage}
    )
    device = torch.device("cuda" if resources.num_gpus else "cpu")
    return StageReplica(
        settings=settings,
        model=model,
        checkpoint=open_checkpoint_of(model),
        artifacts=open_artifacts(settings.artifacts, settings.data_dir),
        dtype=getattr(torch, model.dtype),
        device=device,
        memory_bytes=_memory_bytes(resources, device),
    )


def _memory_bytes(resources: Replicas, device: torch.device) -> int | None:
    if resources.memory_gb is not None:
        return round(resources.memory_gb * 1e9)
    if device.type == "cpu":
        return None
    total: int = torch.cuda.get_device_properties(device).total_memory
    return round(total * min(1.0, resources.num_gpus))
