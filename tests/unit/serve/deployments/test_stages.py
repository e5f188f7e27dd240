"""Encoder and decoder: no room, unusable frames and lost devices, as a gang has them."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from obstore.store import MemoryStore
from ray import serve as ray_serve

from pipelines.handoff import Parcel
from pipelines.soundness import UnsoundLatents
from pipelines.spec import ClipSpec
from pipelines.stages.decode import DecodeStage, Pixels
from pipelines.stages.encode import EncodeStage
from serve.artifacts.object_store import ObjectArtifacts
from serve.artifacts.store import latents_key
from serve.deployments import decoder, encoder
from serve.deployments.decoder import Decoder
from serve.deployments.encoder import Encoder
from serve.messages import JobFault
from serve.replicas import fitness
from serve.replicas.fitness import DeviceLost
from serve.settings.replicas import EncoderReplicas
from serve.settings.sections import Lease
from tests.unit.serve.attempts.scene import SPEC

NO_ROOM = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
LOST = torch.AcceleratorError("CUDA error: an illegal memory access was encountered")


class Stage:
    """Encodes and decodes, unless there is trouble first, or after the first frame."""

    side_by_side = False

    def __init__(self) -> None:
        self.troubles: list[Exception] = []
        self.tiled: list[bool] = []

    def key(self, *_: Any) -> str:
        return "key"

    def encode(self, *_: Any) -> Parcel:
        self._stumble()
        return Parcel("conditioning", {"x": torch.zeros(1)})

    def decode_video(self, spec: ClipSpec, _: Parcel, hand_over: Any, *, tiled: bool) -> Pixels:
        self.tiled.append(tiled)
        shape = (spec.num_frames, spec.height, spec.width, 3)
        video = np.random.default_rng(1).integers(0, 255, shape, np.uint8)
        for frame in video:
            hand_over(frame[None])
            self._stumble()
        return video

    def decode_audio(self, *_: Any) -> tuple[None, None]:
        return None, None

    def _stumble(self) -> None:
        if self.troubles:
            raise self.troubles.pop(0)


class Both:
    """One replica of each, without Ray, on the same stage."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.encoder, self.decoder = Encoder.__new__(Encoder), Decoder.__new__(Decoder)

    async def run(self, which: str) -> Any:
        if which == "encoder":
            return await self.encoder.encode("one", SPEC)
        return await self.decoder.decode("one", 1, SPEC)

    async def check(self, which: str) -> None:
        await {"encoder": self.encoder, "decoder": self.decoder}[which].check_health()


@pytest.fixture
async def both(monkeypatch: pytest.MonkeyPatch) -> Both:
    artifacts = ObjectArtifacts(MemoryStore())
    await artifacts.put(latents_key("one"), Parcel("latents", {"x": torch.zeros(1)}).pack())
    replica = SimpleNamespace(
        # No prompt without a picture: nothing to try together.
        checkpoint=SimpleNamespace(
            family=SimpleNamespace(limits=SimpleNamespace(image="required"))
        ),
        model=SimpleNamespace(name="m", encoder=EncoderReplicas(cache_bytes=0), offload="none"),
        artifacts=artifacts,
        dtype=torch.float32,
        device=torch.device("cpu"),
        memory_bytes=None,
        settings=SimpleNamespace(lease=Lease()),
    )
    made = Both(Stage())
    context = SimpleNamespace(replica_id=SimpleNamespace(unique_id="one"))
    monkeypatch.setattr(ray_serve, "get_replica_context", lambda: context)
    monkeypatch.setattr(ray_serve, "get_deployment_handle", lambda _: None)
    for module, stage in ((encoder, EncodeStage), (decoder, DecodeStage)):
        monkeypatch.setattr(module, "open_replica", lambda *_: replica)
        monkeypatch.setattr(stage, "load", lambda *_, **__: made.stage)
    await Encoder.__init__(made.encoder, {}, "m")  # as Serve calls them
    await Decoder.__init__(made.decoder, {}, "m")
    return made


WHICH = pytest.mark.parametrize("which", ["encoder", "decoder"])


@WHICH
async def test_trouble_once_is_got_over(both: Both, which: str) -> None:
    both.stage.troubles = [NO_ROOM]
    assert await both.run(which)
    both.stage.troubles = [UnsoundLatents("blank")]
    assert await both.run(which)


@pytest.mark.parametrize(("trouble", "tiled"), [(NO_ROOM, True), (UnsoundLatents("blank"), False)])
async def test_the_decoder_tries_again_in_tiles_if_that_may_help(
    both: Both, trouble: Exception, tiled: bool
) -> None:
    both.stage.troubles = [trouble]
    assert await both.run("decoder")
    assert both.stage.tiled == [False, tiled]


@WHICH
@pytest.mark.parametrize(
    ("trouble", "code"), [(NO_ROOM, "out_of_memory"), (UnsoundLatents("blank"), "unsound_output")]
)
async def test_trouble_twice_fails_that_job_alone(
    both: Both, which: str, trouble: Exception, code: str
) -> None:
    both.stage.troubles = [trouble, trouble]
    with pytest.raises(JobFault) as caught:
        await both.run(which)
    assert caught.value.code == code
    await both.check(which)
    assert await both.run(which)


@WHICH
async def test_a_lost_device_is_for_the_health_check(
    both: Both, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitness, "FAREWELL_S", 3600.0)
    both.stage.troubles = [LOST]
    with pytest.raises(torch.AcceleratorError):
        await both.run(which)
    with pytest.raises(DeviceLost):
        await both.check(which)
