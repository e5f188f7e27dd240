"""The encode and decode replicas as Ray would run them, in this process: no cluster is needed."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from ray import serve as ray_serve

from pipelines.handoff import unpack
from pipelines.media.mux import write_clip
from pipelines.registry import open_checkpoint
from pipelines.spec import ClipRequest, resolve
from pipelines.stages.decode import DecodeStage
from pipelines.stages.denoise import DenoiseStage
from serve.artifacts.location import open_artifacts
from serve.artifacts.store import CLIP_FILES, latents_key
from serve.deployments.decoder import Decoder
from serve.deployments.encoder import Encoder
from serve.settings import Settings
from serve.settings.sections import Model
from tests.checkpoints import build_checkpoint


async def replica(kind: Any, values: dict[str, Any]) -> Any:
    """Ray awaits the constructor of a deployment, too."""
    made = object.__new__(kind)
    await made.__init__(values, "m")
    return made


@pytest.fixture
def as_one_replica(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Ray says to whoever asks where it runs; no Scheduler is there to be told anything."""
    context = SimpleNamespace(replica_id=SimpleNamespace(unique_id="one"))
    monkeypatch.setattr(ray_serve, "get_replica_context", lambda: context)
    monkeypatch.setattr(ray_serve, "get_deployment_handle", lambda _: None)


@pytest.mark.parametrize("kind", ["ltx2", "wan-2.1-t2v", "hunyuan-1.5-t2v"])
@pytest.mark.usefixtures("as_one_replica")
async def test_a_clip_goes_through_both(kind: str, tmp_path: Path) -> None:
    folder = str(build_checkpoint(kind, tmp_path / "checkpoint"))
    model = Model(name="m", checkpoint=folder, dtype="float32")
    settings = Settings(data_dir=tmp_path / "data", models=(model,))
    values = settings.model_dump(mode="json")
    checkpoint = open_checkpoint(folder)
    spec = resolve(
        ClipRequest(prompt="a red ball", steps=2), checkpoint.family.limits, fresh_seed=1
    )

    encoder = await replica(Encoder, values)
    first, joined = await asyncio.gather(encoder.encode("a", spec), encoder.encode("b", spec))
    again = await encoder.encode("c", spec)
    assert [first.cached, joined.cached, again.cached] == [False, True, True]
    assert first.parcel == joined.parcel == again.parcel

    denoise = DenoiseStage.load(checkpoint, dtype=torch.float32)
    denoising = denoise.begin(spec, unpack(first.parcel, "conditioning"))
    while denoising.step < denoising.steps:
        denoising.advance()
    latents = denoising.latents()
    artifacts = open_artifacts(settings.artifacts, settings.data_dir)
    for job_id in "ab":
        await artifacts.put(latents_key(job_id), latents.pack())

    decoder = await replica(Decoder, values)
    made = await asyncio.gather(*(decoder.decode(job_id, 1, spec) for job_id in "ab"))
    footage = DecodeStage.load(checkpoint, dtype=torch.float32).decode(spec, latents)
    expected = tmp_path / "expected.mp4"
    write_clip(expected, footage.video, footage.fps, footage.audio, footage.sample_rate)
    for one in made:
        assert one.seconds > 0
        assert await artifacts.get(one.prefix + CLIP_FILES["video"]) == expected.read_bytes()
        for name in CLIP_FILES.values():
            assert await artifacts.get(one.prefix + name)
    await artifacts.close()
