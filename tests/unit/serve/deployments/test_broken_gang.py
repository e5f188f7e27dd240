"""A rank that fails alone costs its gang, not its job more than it must, and nobody hangs."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
import torch

from serve.deployments import denoiser as module
from serve.deployments.denoiser import Denoiser
from serve.messages import JobFault
from serve.replicas import fitness
from serve.replicas.device_thread import DeviceThread
from serve.replicas.faults import GangBroken
from serve.replicas.fitness import DeviceLost
from serve.replicas.gang import Gang
from serve.replicas.gang_watch import GangWatch
from serve.replicas.rank import Rank
from serve.settings.sections import GangCare
from tests.unit.serve.deployments.replica import denoise, drain, replica_with
from tests.unit.serve.replicas.ranks import Other, without_ray
from tests.unit.serve.replicas.test_rank import Stage

NO_ROOM = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
LOST = torch.AcceleratorError("CUDA error: an illegal memory access was encountered")


class Two:
    """Two ranks, of which one waits in every step until it is `met` by the other."""

    def __init__(self) -> None:
        self.first, self.other = Stage(), Other()
        self.waiting, self.met = threading.Event(), threading.Event()
        self.given_up = asyncio.Event()

    def let_fail(self, who: str, error: Exception) -> None:
        fails, waits = self.first, self.other.stage
        if who == "rank 1":
            fails, waits = waits, fails
        fails.error, waits.doing = error, self._wait  # type: ignore[method-assign]

    def _wait(self) -> None:
        self.waiting.set()
        self.met.wait(20)

    async def gang(self, device: DeviceThread, *_: Any) -> Gang:
        self.threads = device._executor
        watch = GangWatch(
            (self.other,),
            GangCare(rank_timeout_s=0.05),
            give_up=lambda _: self.given_up.set(),
            abandon=device.abandon,
        )
        return Gang(Rank(self.first), watch, [self.other])


@pytest.fixture
async def two(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Two]:
    monkeypatch.setattr(fitness, "FAREWELL_S", 0.0)
    without_ray(monkeypatch)
    two = Two()
    monkeypatch.setattr(module, "start_gang", two.gang)
    yield two
    two.met.set()
    two.threads.shutdown()  # while calls are still waited for without Ray


@pytest.fixture
async def gang(two: Two, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Denoiser]:
    async with replica_with(two.first, monkeypatch) as made:
        yield made


async def assert_replaced(gang: Denoiser, two: Two) -> None:
    with pytest.raises(DeviceLost):
        await gang.check_health()
    await asyncio.wait_for(two.given_up.wait(), 5)
    assert "drop" not in two.other.told, "it would wait behind the step"
    assert not two.met.is_set()


@pytest.mark.parametrize("who", ["rank 0", "rank 1"])
async def test_a_rank_without_room_fails_its_job_as_such(
    gang: Denoiser, two: Two, who: str
) -> None:
    two.let_fail(who, NO_ROOM)
    with pytest.raises(JobFault, match=r"needs more memory than there is\.") as caught:
        await asyncio.wait_for(drain(denoise(gang, "one")), 5)
    assert caught.value.code == "out_of_memory"
    await assert_replaced(gang, two)


@pytest.mark.parametrize("who", ["rank 0", "rank 1"])
@pytest.mark.parametrize("error", [LOST, ValueError("x")])
async def test_a_rank_that_fails_otherwise_sends_its_job_elsewhere(
    gang: Denoiser, two: Two, who: str, error: Exception
) -> None:
    two.let_fail(who, error)
    with pytest.raises(GangBroken) as caught:
        await asyncio.wait_for(drain(denoise(gang, "one")), 5)
    assert caught.value.__cause__ is error
    await assert_replaced(gang, two)


@pytest.mark.parametrize("who", ["rank 0", "rank 1"])
async def test_a_job_that_is_cancelled_meanwhile_waits_no_longer(
    gang: Denoiser, two: Two, who: str
) -> None:
    two.let_fail(who, NO_ROOM)
    stream = denoise(gang, "one")
    assert (await asyncio.wait_for(anext(stream), 5)).kind == "started"
    running = asyncio.create_task(drain(stream))
    assert await asyncio.to_thread(two.waiting.wait, 5)
    running.cancel()
    await asyncio.wait({running}, timeout=5)
    assert running.done()
    assert not gang._lock.locked()
    await assert_replaced(gang, two)
