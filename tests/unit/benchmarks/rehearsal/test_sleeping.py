"""Stages that sleep take the time that the cost model says, and resume where they were."""

from dataclasses import replace

import pytest

from benchmarks.rehearsal.sleeping import SleepingDecode, SleepingDenoise, SleepingEncode
from pipelines.cost import StageCosts
from pipelines.handoff import unpack
from pipelines.spec import ClipSpec
from pipelines.stages.denoise import StaleCheckpoint
from tests.unit.serve.attempts.scene import SPEC

COSTS = StageCosts(encode_s=0.5, denoise_s=6.0, decode_s=1.5)


def costs(_: ClipSpec) -> StageCosts:
    return COSTS


@pytest.fixture
def slept() -> list[float]:
    return []


def test_prompts_take_their_time_one_after_another(slept: list[float]) -> None:
    stage = SleepingEncode(costs, slept.append)
    other = replace(SPEC, prompt="a blue square")
    assert len(stage.encode_together([SPEC, other])) == 2
    assert slept == [0.5, 0.5]
    assert stage.key(SPEC) != stage.key(other)
    assert stage.key(SPEC) != stage.key(SPEC, b"picture")


@pytest.mark.parametrize(("devices", "step_s"), [(1, 2.0), (2, 1.0)])
def test_a_gang_shares_each_step(slept: list[float], devices: int, step_s: float) -> None:
    stage = SleepingDenoise(costs, devices, slept.append)
    job = stage.begin(SPEC, SleepingEncode(costs, lambda _: None).encode(SPEC))
    while job.step < job.steps:
        job.advance()
    assert slept == [step_s] * SPEC.steps


def test_a_job_goes_on_from_its_stored_checkpoint(slept: list[float]) -> None:
    stage = SleepingDenoise(costs, 1, slept.append)
    job = stage.begin(SPEC, SleepingEncode(costs, lambda _: None).encode(SPEC))
    job.advance()
    stored = unpack(job.checkpoint().pack(), "checkpoint")
    again = stage.resume(SPEC, stored)
    assert (again.step, again.steps) == (1, SPEC.steps)
    with pytest.raises(StaleCheckpoint):
        stage.resume(replace(SPEC, seed=2), stored)


def test_only_the_clips_own_latents_are_decoded(slept: list[float]) -> None:
    latents = SleepingDenoise(costs, 1).begin(SPEC, SleepingEncode(costs).encode(SPEC)).latents()
    stage = SleepingDecode(costs, slept.append)
    stage.decode(SPEC, unpack(latents.pack(), "latents"))
    assert slept == [1.5]
    with pytest.raises(ValueError, match="another clip"):
        stage.decode(replace(SPEC, seed=2), latents)
