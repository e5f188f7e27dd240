"""A gang does one thing at a time, also when the stream of its job is thrown away."""

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

import pytest
import torch

from pipelines.handoff import Parcel
from pipelines.tuning.attention import AttentionUnavailable
from serve.deployments import denoiser as module
from serve.deployments.denoiser import Denoiser
from serve.messages import StepEvent
from serve.replicas import gang as gang_module
from serve.replicas.fitness import DeviceLost
from serve.settings.sections import GangCare
from tests.unit.serve.deployments.replica import AnyKernels, denoise, drain, replica_with


class Stage(AnyKernels):
    """A stage whose every step waits for leave, and which notices two jobs at once."""

    def __init__(self) -> None:
        self.leave = threading.Semaphore(0)
        self.began = threading.Semaphore(0)
        self.threads: set[str] = set()
        self.error: Exception | None = None

    def begin(self, *_: Any) -> "Job":
        return Job(self)

    def resume(self, *_: Any) -> "Job":
        job = Job(self)
        job.step = 1
        return job


class Job:
    steps = 3

    def __init__(self, stage: Stage) -> None:
        self.stage, self.step = stage, 0

    def advance(self) -> None:
        self.stage.began.release()
        assert self.stage.leave.acquire(timeout=20)
        if self.stage.error:
            raise self.stage.error
        self.step += 1

    def checkpoint(self) -> Parcel:
        self.stage.threads.add(threading.current_thread().name)
        return Parcel("checkpoint", {"step": torch.tensor(self.step)})

    def latents(self) -> Parcel:
        return Parcel("latents", {"x": torch.zeros(1)})


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def keep() -> dict[str, bool]:
    return {"keep": True}


@pytest.fixture
async def gang(
    stage: Stage, keep: dict[str, bool], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Denoiser]:
    async with replica_with(stage, monkeypatch, keep) as made:
        yield made


async def test_kernels_that_are_not_there_are_found_before_anything_is_loaded(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(asked: str, *_: Any, **__: Any) -> None:
        raise AttentionUnavailable(f"attention: {asked} cannot be used here")

    async def load(*_: Any) -> None:
        raise AssertionError("weights are loaded")

    monkeypatch.setattr(module, "check_attention", refuse)
    monkeypatch.setattr(module, "start_gang", load)
    with pytest.raises(AttentionUnavailable):
        async with replica_with(stage, monkeypatch):
            pass


async def test_a_job_goes_from_start_to_stored_latents(gang: Denoiser, stage: Stage) -> None:
    stage.leave.release(3)
    events = [(event.kind, event.step) async for event in denoise(gang, "one")]
    assert events == [("started", 0), ("step", 1), ("step", 2), ("step", 3), ("latents", 3)]
    assert await gang._replica.artifacts.get("jobs/one/latents")


async def let_go(stream: AsyncGenerator[StepEvent, None], how: str) -> None:
    if how == "closed":
        await stream.aclose()
    else:
        with pytest.raises(asyncio.CancelledError):
            await stream.athrow(asyncio.CancelledError())


async def in_its_second_step(gang: Denoiser, stage: Stage) -> AsyncGenerator[StepEvent, None]:
    stream = denoise(gang, "one")
    stage.leave.release(1)
    for _ in range(2):
        await asyncio.wait_for(anext(stream), 5)
    for _ in range(2):
        assert await asyncio.to_thread(stage.began.acquire, timeout=5)
    return stream


@pytest.mark.parametrize("how", ["closed", "cancelled"])
async def test_a_stream_that_is_let_go_frees_the_gang_only_after_the_running_step(
    gang: Denoiser, stage: Stage, how: str
) -> None:
    stream = await in_its_second_step(gang, stage)
    letting_go = asyncio.create_task(let_go(stream, how))
    await asyncio.sleep(0)
    assert gang._lock.locked()
    assert not letting_go.done()
    stage.leave.release(1)
    await asyncio.wait_for(letting_go, 5)
    assert not gang._lock.locked()


@pytest.mark.parametrize("how", ["closed", "cancelled"])
async def test_a_device_that_is_lost_after_a_cancel_is_lost_all_the_same(
    gang: Denoiser, stage: Stage, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gang._fitness, "_end", lambda: None)
    stream = await in_its_second_step(gang, stage)
    letting_go = asyncio.create_task(let_go(stream, how))
    await asyncio.sleep(0)
    stage.error = torch.AcceleratorError("CUDA error: an illegal memory access was encountered")
    stage.leave.release(1)
    await asyncio.wait_for(letting_go, 5)
    with pytest.raises(DeviceLost):
        await gang.check_health()


async def test_a_gang_of_one_whose_device_hangs_ends(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: asyncio.Queue[tuple[Sequence[int], str]] = asyncio.Queue()
    monkeypatch.setattr(gang_module, "end_gang", lambda *why: ended.put_nowait(why))
    care = GangCare(step_timeout_s=0.05)
    async with replica_with(stage, monkeypatch, care=care) as gang:
        going = asyncio.create_task(drain(denoise(gang, "one")))
        assert await asyncio.wait_for(ended.get(), 5) == ((), "a step took longer than 0.05 s")
        stage.leave.release(3)
        await asyncio.wait_for(going, 5)


async def test_a_lost_lease_leaves_a_checkpoint_taken_on_the_devices_thread(
    gang: Denoiser, stage: Stage, keep: dict[str, bool]
) -> None:
    stream = denoise(gang, "one")
    stage.leave.release(1)
    for _ in range(2):
        await asyncio.wait_for(anext(stream), 5)
    keep["keep"] = False
    assert gang._lease._held is not None
    runner_stopped = asyncio.Event()
    lose = gang._lease._held.on_lost

    def lost() -> None:
        lose()
        runner_stopped.set()

    gang._lease._held.on_lost = lost
    await asyncio.wait_for(runner_stopped.wait(), 5)
    stage.leave.release(1)
    events = await asyncio.wait_for(drain(stream), 5)
    assert "latents" not in {event.kind for event in events}
    assert await gang._replica.artifacts.list("jobs/one/checkpoints/")
    assert all(name.startswith("denoise") for name in stage.threads)
