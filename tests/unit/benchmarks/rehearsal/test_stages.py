"""A rehearsal's replicas are the service's own: what they store and say is the same."""

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import av
import pytest

from benchmarks.rehearsal import stages
from benchmarks.rehearsal.stages import SleepingDecoder, SleepingDenoiser, SleepingEncoder
from pipelines.cost import StageCosts
from serve.artifacts.object_store import ObjectArtifacts
from serve.deployments import decoder, encoder
from serve.deployments.denoiser import Denoiser
from serve.messages import DenoiseOrder
from serve.settings import Settings
from serve.settings.replicas import EncoderReplicas
from tests.unit.serve.attempts.scene import SPEC
from tests.unit.serve.deployments.replica import drain, replica_with

COSTS = StageCosts(encode_s=0.001, denoise_s=0.003, decode_s=0.001)
ORDER = DenoiseOrder(job_id="one", epoch=1, attempt=1)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "costs_of", lambda _: lambda _: COSTS)


@pytest.fixture
def keep() -> dict[str, bool]:
    return {"keep": True}


@pytest.fixture
async def gang(keep: dict[str, bool], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Denoiser]:
    async with replica_with(None, monkeypatch, keep, kind=SleepingDenoiser) as made:
        yield made


async def encoded(monkeypatch: pytest.MonkeyPatch, artifacts: ObjectArtifacts) -> object:
    here = SimpleNamespace(
        artifacts=artifacts,
        settings=Settings(),
        model=SimpleNamespace(name="m", encoder=EncoderReplicas()),
        checkpoint=SimpleNamespace(
            family=SimpleNamespace(limits=SimpleNamespace(image="required"))
        ),
    )
    monkeypatch.setattr(encoder, "open_replica", lambda *_: here)
    made = SleepingEncoder.__new__(SleepingEncoder)
    await SleepingEncoder.__init__(made, {}, "m")
    return await made.encode("one", SPEC)


async def test_a_job_goes_through_all_stages(
    gang: Denoiser, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    artifacts = gang._replica.artifacts
    conditioning = await encoded(monkeypatch, artifacts)
    events = await drain(gang.denoise(ORDER, SPEC, conditioning))
    assert [event.kind for event in events] == ["started", "step", "step", "step", "latents"]

    here = SimpleNamespace(artifacts=artifacts, settings=Settings())
    monkeypatch.setattr(decoder, "open_replica", lambda *_: here)
    made = SleepingDecoder.__new__(SleepingDecoder)
    await SleepingDecoder.__init__(made, {}, "m")
    decoded = await made.decode("one", 1, SPEC)
    assert decoded.seconds >= COSTS.decode_s
    with av.open(io.BytesIO(await artifacts.get(decoded.prefix + "video.mp4"))) as clip:
        assert sum(1 for _ in clip.decode(video=0)) == 4


async def test_a_gang_that_loses_its_lease_goes_on_from_a_checkpoint(
    gang: Denoiser, keep: dict[str, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = replace(SPEC, steps=1_000_000)
    conditioning = await encoded(monkeypatch, gang._replica.artifacts)
    stream = gang.denoise(ORDER, endless, conditioning)
    while (await anext(stream)).kind != "step":
        pass
    keep["keep"] = False
    last = (await drain(stream))[-1]
    keep["keep"] = True
    again = gang.denoise(replace(ORDER, attempt=2), endless, conditioning)
    started = await asyncio.wait_for(anext(again), 20)
    await again.aclose()
    assert started.step >= last.step > 0
