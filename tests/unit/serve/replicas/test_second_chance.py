"""No room on the device, or no usable latents: once may be chance, twice is the job's own fault."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
import torch

from pipelines.handoff import Parcel
from pipelines.soundness import UnsoundLatents
from pipelines.spec import ClipSpec
from serve.deployments.denoiser import Denoiser
from serve.messages import JobFault
from tests.unit.serve.deployments.replica import AnyKernels, denoise, drain, replica_with


class Stage(AnyKernels):
    """Jobs of three steps. Trouble comes at the third step, or at the end, so often as told."""

    def __init__(self, *, no_room: int = 0, unsound: int = 0) -> None:
        self.no_room = no_room
        self.unsound = unsound
        self.begun: list[int] = []
        self.ways: list[str] = []

    def begin(self, _: ClipSpec, __: Parcel) -> "Job":
        return Job(self, 0)

    def resume(self, _: ClipSpec, checkpoint: Parcel) -> "Job":
        return Job(self, checkpoint.values["step"])


class Job:
    steps = 3

    def __init__(self, stage: Stage, step: int) -> None:
        self.stage, self.step = stage, step
        stage.begun.append(step)
        stage.ways.append(stage.offload)

    def advance(self) -> None:
        if self.step == 2 and self.stage.no_room > 0:
            self.stage.no_room -= 1
            raise torch.OutOfMemoryError(
                "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of "
                "79.19 GiB of which 3.06 MiB is free."
            )
        self.step += 1

    def checkpoint(self) -> Parcel:
        return Parcel("checkpoint", {"x": torch.zeros(1)}, {"step": self.step})

    def latents(self) -> Parcel:
        if self.stage.unsound > 0:
            self.stage.unsound -= 1
            raise UnsoundLatents("not a number")
        return Parcel("latents", {"x": torch.zeros(1)})


Made = Callable[..., AbstractAsyncContextManager[Denoiser]]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    """A replica that stores a checkpoint after each step."""
    return lambda stage, device="cpu": replica_with(
        stage, monkeypatch, checkpoint_every_s=0.0, device=device
    )


async def test_no_room_once_goes_on_from_the_last_checkpoint(made: Made) -> None:
    stage = Stage(no_room=1)
    async with made(stage) as gang:
        events = await drain(denoise(gang, "one"))
    assert stage.begun == [0, 2]
    started = [event for event in events if event.kind == "started"]
    assert [(event.step, event.seconds) for event in started] == [(0, 0.5), (2, 0.0)]
    assert [event.step for event in events if event.kind == "step"] == [1, 2, 3]
    assert events[-1].kind == "latents"


async def test_no_room_twice_fails_that_job_alone(made: Made) -> None:
    stage = Stage(no_room=2)
    async with made(stage) as gang:
        with pytest.raises(JobFault, match="96x96 with 17 frames needs more memory") as caught:
            await drain(denoise(gang, "one"))
        assert caught.value.code == "out_of_memory"
        await gang.check_health()
        assert (await drain(denoise(gang, "two")))[-1].kind == "latents"


async def test_no_room_on_a_gpu_goes_on_with_weights_elsewhere_and_the_next_job_as_usual(
    made: Made, caplog: pytest.LogCaptureFixture
) -> None:
    stage = Stage(no_room=1)
    async with made(stage, "cuda") as gang:
        assert (await drain(denoise(gang, "one")))[-1].kind == "latents"
        assert (stage.begun, stage.ways) == ([0, 2], ["none", "group"])
        assert "trying again: memory, with offload: group" in caplog.messages
        await drain(denoise(gang, "two"))
    assert stage.ways == ["none", "group", "none"]


@pytest.mark.parametrize(
    ("device", "ways", "words"),
    [
        ("cuda", ["none", "group", "none"], r"second try \(with offload: group\)\. Ask for"),
        ("cpu", ["none", "none", "none"], r"second try \(as before: on a CPU there is nowhere"),
    ],
)
async def test_no_room_either_way_fails_that_job_alone_and_says_what_was_tried(
    made: Made, device: str, ways: list[str], words: str
) -> None:
    stage = Stage(no_room=2)
    async with made(stage, device) as gang:
        with pytest.raises(JobFault, match=words) as caught:
            await drain(denoise(gang, "one"))
        assert caught.value.code == "out_of_memory"
        assert (await drain(denoise(gang, "two")))[-1].kind == "latents"
    assert stage.ways == ways


async def test_no_room_to_bring_the_weights_back_is_got_over_too(made: Made) -> None:
    """Another process may have taken the room meanwhile: the job does without it."""
    stage = Stage()
    bring = stage.use_offload

    def use_offload(mode: str) -> None:
        if mode == "none":
            raise torch.OutOfMemoryError("CUDA out of memory")
        bring(mode)

    stage.use_offload = use_offload  # type: ignore[method-assign]
    async with made(stage, "cuda") as gang:
        assert (await drain(denoise(gang, "one")))[-1].kind == "latents"
    assert stage.ways == ["group"]


async def test_unsound_latents_once_are_made_again_from_the_start(made: Made) -> None:
    stage = Stage(unsound=1)
    async with made(stage) as gang:
        events = await drain(denoise(gang, "one"))
    assert stage.begun == [0, 0], "its checkpoints may be as bad"
    assert events[-1].kind == "latents"


async def test_unsound_latents_twice_fail_that_job_alone(made: Made) -> None:
    stage = Stage(unsound=2)
    async with made(stage) as gang:
        with pytest.raises(JobFault, match="no usable picture from the seed 1") as caught:
            await drain(denoise(gang, "one"))
        assert caught.value.code == "unsound_output"
        assert (await drain(denoise(gang, "two")))[-1].kind == "latents"


async def test_each_kind_of_trouble_has_its_own_second_chance(made: Made) -> None:
    stage = Stage(no_room=1, unsound=1)
    async with made(stage) as gang:
        assert (await drain(denoise(gang, "one")))[-1].kind == "latents"
    assert stage.begun == [0, 2, 0]
