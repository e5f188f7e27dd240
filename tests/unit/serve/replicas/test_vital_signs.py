"""What a replica tells of its GPUs: the newest reading, and none that is stale or cannot be had."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from serve.replicas import vital_signs
from serve.replicas.vital_signs import VitalSigns
from serve.telemetry.nvml import GpuReader
from tests.recorded_gpus import pynvml as tape
from tests.unit.serve.attempts.scene import until


def taped(held: Sequence[str]) -> GpuReader:
    return GpuReader(held, lambda: tape)


async def two() -> Sequence[str]:
    return ["0", "2"]


async def none() -> Sequence[str]:
    return []


async def fails() -> Sequence[str]:
    raise ConnectionError("a rank has died")


async def test_readings_of_all_ranks_are_at_hand() -> None:
    signs = VitalSigns(0.0, two, reader=taped, every_s=0.001)
    reading = asyncio.create_task(signs.run())
    await until(lambda: bool(signs.now().gpus))
    told = signs.now()
    reading.cancel()
    assert [gpu.gpu for gpu in told.gpus] == ["0", "2"]
    assert told.node
    assert told.load_s > 0


async def test_a_library_that_hangs_is_not_quoted_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    signs = VitalSigns(0.0, two, reader=taped, every_s=3600.0)
    reading = asyncio.create_task(signs.run())
    await until(lambda: bool(signs.now().gpus))
    monkeypatch.setattr(vital_signs, "STALE_AFTER_S", -1.0)
    assert signs.now().gpus == ()
    reading.cancel()


@pytest.mark.parametrize("held", [none, fails])
async def test_who_has_no_gpus_is_done_at_once(held: Any) -> None:
    signs = VitalSigns(0.0, held, reader=taped)
    await asyncio.wait_for(signs.run(), 20)
    assert signs.now().gpus == ()


async def test_without_ray_no_gpu_is_ours() -> None:
    assert vital_signs.own_gpus() == []
