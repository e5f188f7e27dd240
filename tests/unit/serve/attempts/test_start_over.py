"""Frames that are no picture: the clip is made once more from step 0, and only once."""

from typing import Any

import pytest

from serve.artifacts.store import checkpoint_key, latents_key
from serve.jobs.job import Status
from serve.messages import JobFault
from tests.unit.serve.attempts.scene import GANG, WHOLE, Scene

BLANK = JobFault("unsound_output", "The model made no usable picture from the seed 1.")


async def attempt(scene: Scene, *, first: bool = False) -> None:
    """One whole attempt at the job, to the end of what comes of it."""
    if first:
        job = await scene.job("one")
        await scene.artifacts.put(checkpoint_key("one", 2), b"x")
    else:
        started = await scene.store.start("one", scene.epoch, 120.0)
        assert started is not None
        job = started
    await scene.artifacts.put(latents_key("one"), b"x")
    scene.attempts.begin(job, GANG)
    scene.gang.say("one", *WHOLE, None)
    await scene.over()


async def test_the_job_waits_at_step_0_without_what_it_had_stored(scene: Scene) -> None:
    scene.decode_troubles = [BLANK]
    await attempt(scene, first=True)
    job = await scene.row("one")
    assert (job.status, job.step, job.crashes) == (Status.QUEUED, 0, 0)
    assert job.timings.denoise_s == 0.5, "what was spent is charged"
    assert not await scene.artifacts.list("jobs/one/checkpoints/")
    assert latents_key("one") not in [i.key for i in await scene.artifacts.list("jobs/one/")]
    await attempt(scene)
    assert (await scene.row("one")).status is Status.COMPLETED
    assert await scene.artifacts.list("jobs/one/") == []


async def test_the_second_time_it_fails_also_under_another_scheduler(scene: Scene) -> None:
    scene.decode_troubles = [BLANK, BLANK]
    await attempt(scene, first=True)
    scene.epoch = await scene.store.take_epoch()
    await attempt(scene)
    job = await scene.row("one")
    assert job.status is Status.FAILED
    assert job.failure is not None
    assert job.failure.code == "unsound_output"
    assert await scene.artifacts.list("jobs/one/") == [], "nothing is left of it"


async def test_who_has_lost_the_job_leaves_its_artifacts_alone(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.decode_troubles = [BLANK]
    advance = scene.store.advance

    async def cancelled_meanwhile(*args: Any, **values: Any) -> bool:
        if not scene.decode_troubles:
            await scene.store.cancel("one", "a", 130.0)
        return await advance(*args, **values)

    async def nothing_goes(_: str) -> None:
        raise AssertionError("another's artifacts")

    monkeypatch.setattr(scene.store, "advance", cancelled_meanwhile)
    monkeypatch.setattr(scene.artifacts, "delete_prefix", nothing_goes)
    await attempt(scene, first=True)
    assert (await scene.row("one")).status is Status.CANCELLED
    assert "lost" not in [each[0] for each in scene.lessons.told], "nothing is made again"


@pytest.mark.parametrize(
    ("phase", "error"),
    [
        ("decode", JobFault("out_of_memory", "A clip needs more memory than there is.")),
        ("denoise", BLANK),
    ],
)
async def test_other_faults_of_the_job_fail_it_at_once(
    scene: Scene, phase: str, error: JobFault
) -> None:
    scene.attempts.begin(await scene.job("one"), GANG)
    if phase == "decode":
        scene.decode_troubles = [error]
        scene.gang.say("one", *WHOLE, None)
    else:
        scene.gang.say("one", WHOLE[0], error)
    await scene.over()
    job = await scene.row("one")
    assert (job.status, job.failure and job.failure.code) == (Status.FAILED, error.code)
