"""What passes through the Scheduler, told to all who learn from it: costs, policy, metrics."""

import time
from collections.abc import Iterable, Sequence

from autoscaling.admission import Situation
from serve.deployments.answers import RecentAnswers
from serve.deployments.costs import Costs
from serve.deployments.policy import Policy
from serve.deployments.suspension import Suspension
from serve.jobs.job import Job
from serve.messages import Answered
from serve.telemetry.metrics import Metrics


class Lessons:
    """Each method is one kind of event."""

    def __init__(self, costs: Costs, policy: Policy, metrics: Metrics, *, lately_s: float) -> None:
        """`lately_s` is how long answers to requests count as recent."""
        self._costs = costs
        self._policy = policy
        self._metrics = metrics
        self.answers = RecentAnswers(lately_s)

    def observed(self, job: Job, stage: str, seconds: float, devices: int) -> None:
        """A stage of a job, or a "step" of it, held so many devices for so long."""
        self._costs.observe(job, stage, seconds * devices)
        self._metrics.observe(job, stage, seconds, devices)

    def answered(self, answers: Sequence[Answered]) -> None:
        """What became of requests at a Gateway."""
        self._policy.answered(answers, time.time())
        self.answers.answered(answers, time.monotonic())
        self._metrics.policy.answered(answers)

    def looked(self, sight: Situation, deferred: Iterable[Job]) -> None:
        """The policy has looked; these jobs are kept for later."""
        flips = self._policy.gate_flips
        self._metrics.policy.looked(sight.load, sight.levels, sight.aside, flips)
        self._metrics.policy.deferred(job.tier for job in deferred)

    def suspended(self, job: Job, why: Suspension) -> None:
        """A running job is told to stop after its step."""
        self._metrics.policy.suspended(job.tier, why.name.lower())

    def finished(self, job: Job) -> None:
        """A job has ended; to be told once for each."""
        self._policy.finished(job)
        self._metrics.finished(job)
