"""A replica that has lost its device says so, lets nobody in, and ends."""

import asyncio

import pytest
import torch

from serve.replicas import fitness as module
from serve.replicas.fitness import DeviceLost, Fitness


async def test_a_lost_device_ends_the_replica(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FAREWELL_S", 0.0)
    ended = asyncio.Event()
    fitness = Fitness(ended.set)
    fitness.check()
    with pytest.raises(torch.AcceleratorError):
        async with fitness.judged():
            raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")
    with pytest.raises(DeviceLost):
        fitness.check()

    async def another_call() -> None:
        async with fitness.judged():
            raise AssertionError("a call was let in")

    call = asyncio.create_task(another_call())
    await asyncio.wait_for(ended.wait(), 5)
    assert not call.done()
    call.cancel()


async def test_other_errors_cost_only_their_call() -> None:
    fitness = Fitness(lambda: pytest.fail("the replica ended"))
    for error in (ValueError("bad"), torch.OutOfMemoryError("CUDA out of memory")):
        with pytest.raises(type(error)):
            async with fitness.judged():
                raise error
    fitness.check()
