"""A Scheduler's rounds over a scene, without Ray."""

from collections.abc import Callable

from autoscaling.rules import Rules
from autoscaling.usual import UsualClip
from serve.jobs.job import Job
from serve.messages import LeaseReport
from serve.scheduling.costs import Costs
from serve.scheduling.dispatch import Dispatch
from serve.scheduling.giving_way import GivingWay
from serve.scheduling.job_numbers import JobNumbers
from serve.scheduling.policy import Policy
from serve.scheduling.queued_rows import QueuedRows
from tests.unit.serve.attempts.scene import Scene

SHAPES = {("m", ""): ("1", "tp2"), ("m", "large"): ("tp2",)}
"""By model, and maybe job."""


def shapes(job: Job) -> tuple[str, ...]:
    return SHAPES.get((job.model, job.id), SHAPES.get((job.model, ""), ()))


async def dispatch_of(
    scene: Scene,
    costs: Costs | None = None,
    *,
    rules: Rules | None = None,
    suspended: Callable[..., None] = lambda *_: None,
) -> Dispatch:
    rows = QueuedRows(scene.store)
    scene.listeners.append(rows.seen)
    scene.epoch = await scene.store.take_epoch()
    numbers = JobNumbers(rules or Rules(), costs or Costs({}), lambda _: 1)
    return Dispatch(
        epoch=scene.epoch,
        parts=scene.parts,
        rows=rows,
        policy=Policy(numbers, 0.0, UsualClip(gpu_s=1.0)),
        attempts=scene.attempts,
        giving_way=GivingWay(
            attempts=scene.attempts, numbers=numbers, shapes=shapes, suspended=suspended
        ),
        shapes=shapes,
    )


def free_gang(scene: Scene, name: str = "gang", shape: str = "1", devices: int = 1) -> None:
    scene.gangs.report(
        LeaseReport(replica=name, pid=1, model="m", shape=shape, devices=devices, holding=None),
        scene.now(),
    )
