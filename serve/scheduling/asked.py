"""What is asked of the pools, told to Ray Serve, which carries it to the capacity policy."""

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial

import ray

from autoscaling.figures import flat
from serve.attempts.attempts import Attempts
from serve.attempts.gangs import Gangs
from serve.jobs.job import Job
from serve.messages import Answered
from serve.scheduling.costs import Costs
from serve.scheduling.demand import Demand
from serve.scheduling.own_limits import contending
from serve.scheduling.queued_rows import QueuedRows
from serve.scheduling.shapes import Shapes
from serve.settings import Settings


class Asked:
    """Demand, by this process's clock. What `contend` leaves out of a queue waits for others of its
    own account: more gangs would not make it begin sooner."""

    def __init__(
        self, demand: Demand, contend: Callable[[list[Job], list[Job]], list[Job]]
    ) -> None:
        self._demand = demand
        self._contend = contend

    def seen(self, job: Job) -> None:
        """A job has changed."""
        self._demand.seen(job, time.monotonic())

    def answered(self, answers: Sequence[Answered]) -> None:
        """What became of requests at a Gateway."""
        self._demand.answered(answers, time.monotonic())

    async def told(self, rows: QueuedRows, attempts: Attempts, gangs: Gangs) -> dict[str, float]:
        """The figures, as numbers by name; none before the queue has been read."""
        if not rows.complete:
            return {}
        cluster = await asyncio.to_thread(ray.cluster_resources)
        now = time.monotonic()
        running = list(attempts.jobs())
        figures = self._demand.figures(
            waiting=self._contend([*rows.waiting.values(), *rows.deferred.values()], running),
            running=running,
            gangs=gangs.statuses(now),
            cluster_gpus=cluster.get("GPU", 0.0),
            now=now,
        )
        return flat(figures)


def open_asked(settings: Settings, costs: Costs, shapes: Shapes) -> Asked:
    """For this service's models and tiers."""
    rules = settings.rules
    return Asked(
        Demand(settings, costs, shapes=shapes.of, pays=rules.tiers.pays),
        partial(
            contending,
            seconds_of=lambda job: costs.seconds_on(job, shapes.standard(job)),
            within_s=rules.saturation.drain_target_s,
        ),
    )
