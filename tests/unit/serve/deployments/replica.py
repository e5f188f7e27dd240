"""A Denoiser replica without Ray: made as Serve makes it, with the stage that a test gives it."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from obstore.store import MemoryStore
from ray import serve as ray_serve

from pipelines.handoff import Parcel
from pipelines.parallel.shape import SINGLE
from pipelines.stages.denoise import DenoiseStage
from serve.artifacts.object_store import ObjectArtifacts
from serve.deployments import denoiser as module
from serve.deployments.denoiser import Denoiser
from serve.messages import DenoiseOrder, Encoded, LeaseAnswer, StepEvent
from serve.settings.sections import GangCare, Jobs, Lease
from tests.unit.serve.attempts.scene import SPEC

CONTEXT = SimpleNamespace(replica_id=SimpleNamespace(unique_id="gang"))
ENCODED = Encoded(parcel=Parcel("conditioning", {"x": torch.zeros(1)}).pack(), seconds=0.5)


class AnyKernels:
    """Runs with whatever attention it is told to, and keeps its weights where it is told to."""

    kernel = ""
    offload = "none"

    def use_attention(self, asked: str) -> str:
        self.kernel = asked
        return asked

    def take_attention(self, kernel: str) -> None:
        self.kernel = kernel

    def use_offload(self, mode: str) -> None:
        self.offload = mode


@asynccontextmanager
async def replica_with(
    stage: Any,
    monkeypatch: pytest.MonkeyPatch,
    keep: Mapping[str, bool] | None = None,
    *,
    checkpoint_every_s: float = 3600.0,
    device: str = "cpu",
    care: GangCare | None = None,
    kind: type[Denoiser] = Denoiser,
) -> AsyncIterator[Denoiser]:
    """A gang of one rank whose lease is kept for as long as `keep["keep"]` says so."""
    replica = SimpleNamespace(
        settings=SimpleNamespace(
            jobs=Jobs(checkpoint_every_s=checkpoint_every_s),
            lease=Lease(period_s=0.005, timeout_s=20.0),
            gang=care or GangCare(),
        ),
        model=SimpleNamespace(name="m", attention="native", offload="none"),
        checkpoint=None,
        memory_bytes=None,
        artifacts=ObjectArtifacts(MemoryStore()),
        dtype=torch.float32,
        device=torch.device(device),
    )

    async def answer(_: Any) -> LeaseAnswer:
        return LeaseAnswer(epoch=1, keep=keep is None or keep["keep"])

    handle = SimpleNamespace(lease=SimpleNamespace(remote=answer))
    monkeypatch.setattr(ray_serve, "get_replica_context", lambda: CONTEXT)
    monkeypatch.setattr(module, "open_replica", lambda *_: replica)
    monkeypatch.setattr(DenoiseStage, "load", lambda *_, **__: stage)
    monkeypatch.setattr(ray_serve, "get_deployment_handle", lambda _: handle)
    made = kind.__new__(kind)
    await kind.__init__(made, {}, "m", SINGLE)  # as Serve calls it
    try:
        yield made
    finally:
        for task in made._tasks:
            task.cancel()


def denoise(gang: Denoiser, job_id: str) -> AsyncGenerator[StepEvent, None]:
    order = DenoiseOrder(job_id=job_id, epoch=1, attempt=1)
    return gang.denoise(order, SPEC, ENCODED)


async def drain(stream: AsyncGenerator[StepEvent, None]) -> list[StepEvent]:
    return [event async for event in stream]
