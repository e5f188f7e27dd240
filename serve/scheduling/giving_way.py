"""Running jobs that are stopped after their step: for a paid job that would be late, or to go on
on a larger gang that nobody needs.

A gang that is to stop is told so with its next report: it stores a checkpoint of the step it has
just made, so nothing is done twice.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from functools import partial

from autoscaling.placement import FreeGangs, Progress, place_higher
from autoscaling.preemption import Running, gives_way, is_urgent
from serve.attempts.attempt import Attempt
from serve.attempts.attempts import Attempts
from serve.attempts.suspension import Suspension
from serve.jobs.job import Job, Phase
from serve.scheduling.job_numbers import JobNumbers

log = logging.getLogger(__name__)


class GivingWay:
    """`shapes` are the gang shapes for a job, `suspended` hears of each job that is stopped."""

    def __init__(
        self,
        *,
        attempts: Attempts,
        numbers: JobNumbers,
        shapes: Callable[[Job], Collection[str]],
        suspended: Callable[[Job, Suspension], None],
    ) -> None:
        self._attempts = attempts
        self._numbers = numbers
        self._shapes = shapes
        self._suspended = suspended

    def make_room(self, blocked: Sequence[Job], now: float) -> None:
        """For paid jobs that would be late; `blocked` lack nothing but a free gang, best first."""
        rule = self._numbers.rules.preemption
        coming = [each for each in self._attempts.running() if _is_stopping(each)]
        able = {each.job.id: each for each in self._attempts.running() if _can_stop(each)}
        for job in blocked:
            if not coming and not able:
                return
            waiting = self._numbers.waiting(job)
            if not is_urgent(waiting, now, rule):
                continue
            shapes = self._shapes(job)
            if found := next((each for each in coming if _fits(job, shapes, each)), None):
                coming.remove(found)  # a gang that it will get is on its way
                continue
            fitting = [each for each in able.values() if _fits(job, shapes, each)]
            chosen = gives_way(
                [self._as_running(each, now) for each in fitting],
                rule,
                least_degree=self._numbers.standard(job),
                takes_s=waiting.standalone_s,
            )
            if chosen is not None:
                self._stop(able.pop(chosen.job_id), Suspension.GIVES_WAY)

    def move(self, model: str, free: Sequence[FreeGangs]) -> None:
        """One job of a model for which nobody waits, to a gang that is free and larger."""
        running = [each for each in self._attempts.running() if each.job.model == model]
        if any(map(_is_stopping, running)):
            return
        rule = self._numbers.rules.placement
        for each in filter(_can_stop, running):
            shapes = self._shapes(each.job)
            fitting = [gangs for gangs in free if gangs.shape in shapes]
            if place_higher(self._as_progress(each), fitting, rule):
                self._stop(each, Suspension.MOVES)
                return

    def _stop(self, attempt: Attempt, why: Suspension) -> None:
        log.info("to stop after its step: %s", why.name.lower(), extra={"job_id": attempt.job.id})
        attempt.suspension = why
        self._suspended(attempt.job, why)

    def _as_running(self, attempt: Attempt, now: float) -> Running:
        job = attempt.job
        return Running(
            job_id=job.id,
            paid=self._numbers.tier(job).paid,
            degree=attempt.devices,
            steps_left=job.spec.steps - job.step,
            preemptions=job.preemptions,
            slack_s=self._numbers.slack_s(job, attempt.devices, now),
        )

    def _as_progress(self, attempt: Attempt) -> Progress:
        job = attempt.job
        return Progress(
            devices=attempt.devices,
            steps_here=job.step - attempt.first_step,
            steps_left=job.spec.steps - job.step,
            seconds_on=partial(self._numbers.seconds_on, job),
        )


def _fits(job: Job, shapes: Collection[str], attempt: Attempt) -> bool:
    """Whether the attempt's gang could take the job, which may have these shapes."""
    return attempt.job.model == job.model and attempt.shape in shapes


def _is_stopping(attempt: Attempt) -> bool:
    """Whether its gang will be free soon; one that reached its last step keeps nobody waiting."""
    return attempt.suspension is not None and attempt.job.phase is not Phase.DECODE


def _can_stop(attempt: Attempt) -> bool:
    """While it denoises: what encodes or decodes is never stopped, and nobody is twice."""
    return attempt.suspension is None and attempt.job.phase is Phase.DENOISE
