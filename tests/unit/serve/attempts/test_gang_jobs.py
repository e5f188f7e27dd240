"""What its gang means for a job: what it is charged, and whose fault it is when that ends badly."""

from dataclasses import replace

from ray.exceptions import RayTaskError

from serve.jobs.job import Failure, Status
from serve.messages import JobFault
from tests.unit.serve.attempts.scene import GANG, WHOLE, Scene, event, until


async def test_all_devices_of_a_gang_are_charged_while_it_denoises(scene: Scene) -> None:
    scene.attempts.begin(await scene.job("one"), replace(GANG, devices=4))
    scene.gang.say("one", *WHOLE, None)
    await scene.over()
    took = (await scene.row("one")).timings
    assert (took.encode_s, took.denoise_s, took.decode_s) == (0.5, 0.5, 0.25)
    assert took.gpu_s == 0.5 + 4 * 0.5 + 0.25


async def test_a_fault_of_the_job_itself_fails_it_at_once_as_it_says(scene: Scene) -> None:
    fault = JobFault("out_of_memory", "a smaller clip would fit")
    across = RayTaskError("denoise", "", fault).as_instanceof_cause()  # as another process gets it
    scene.attempts.begin(await scene.job("one"), GANG)
    scene.gang.say("one", event("started", 0), event("step", 1), across)
    await scene.over()
    job = await scene.row("one")
    assert (job.status, job.crashes) == (Status.FAILED, 0)
    assert job.failure == Failure(code="out_of_memory", message="a smaller clip would fit")


async def test_a_job_whose_gang_falls_silent_goes_back_in_the_queue_with_blame(
    scene: Scene,
) -> None:
    scene.attempts.begin(await scene.job("one"), GANG)
    scene.gang.say("one", event("started", 0), event("checkpoint", 2), event("step", 3))
    await until(lambda: scene.gang.of("one").empty() and scene.shown[-1].step == 3)
    scene.attempts.stop_lost(["one", "long gone"])
    await scene.over()
    job = await scene.row("one")
    assert (job.status, job.crashes, job.step) == (Status.QUEUED, 1, 2)
    assert "one" in scene.gang.cancelled
