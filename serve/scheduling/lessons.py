"""What passes through the Scheduler, told to all who learn from it: costs, policy, metrics."""

import time
from collections.abc import Sequence

from autoscaling.admission import Situation
from serve.attempts.breaks import reason_of
from serve.attempts.suspension import Suspension
from serve.jobs.gate_status import GateStatus
from serve.jobs.job import Job
from serve.messages import Answered
from serve.scheduling.costs import Costs
from serve.scheduling.policy import Policy
from serve.watching.observatory import Observatory


class Lessons:
    """Each method is one kind of event."""

    def __init__(self, costs: Costs, policy: Policy, sights: Observatory) -> None:
        self._costs = costs
        self._policy = policy
        self._answers = sights.answers
        self._metrics = sights.metrics
        self._failures = sights.failures

    def began(self, job: Job) -> None:
        """An attempt begins."""
        if job.attempt != 1:
            return
        numbers = self._policy.numbers
        needs_s = numbers.seconds_on(job, numbers.standard(job))
        in_time = (job.attempt_started_at or job.created_at) + needs_s <= numbers.deadline(job)
        self._metrics.jobs.began(job, in_time=in_time)

    def went_on(self, job: Job, step: int) -> None:
        """Its gang has it, at this step; behind what the row says, steps were lost unseen."""
        self.lost(job, job.step - step)
        if job.attempt > 1:
            self._metrics.jobs.resumed(job, step)

    def lost(self, job: Job, steps: int) -> None:
        """So many finished steps have to be done again."""
        gpu_s = self._costs.whole(job).denoise_s * steps / job.spec.steps
        self._metrics.jobs.redone(job, steps, gpu_s)

    def encoded(self, job: Job, cached: bool) -> None:
        """Its gang has got its conditioning."""
        self._metrics.jobs.encoded(job, cached)

    def observed(self, job: Job, stage: str, seconds: float, devices: int) -> None:
        """A stage of a job, or a "step" of it, held so many devices for so long."""
        self._costs.observe(job, stage, seconds * devices)
        self._metrics.jobs.observe(job, stage, seconds, devices)

    def broke(self, job: Job, error: BaseException) -> None:
        """An attempt broke off."""
        reason = reason_of(error)
        self._metrics.jobs.broke(job, reason)
        self._failures.broke(job, reason, time.time())

    def answered(self, answers: Sequence[Answered]) -> None:
        """What became of requests at a Gateway."""
        self._policy.answered(answers, time.time())
        self._answers.answered(answers, time.monotonic())
        self._metrics.policy.answered(answers)

    def looked(self, sight: Situation, gates: GateStatus | None) -> None:
        """The policy has looked; `gates` is what operators were told last."""
        metrics, rules = self._metrics.policy, sight.rules
        metrics.looked(sight, self._policy.gate_flips)
        corrections = self._costs.calibration.corrections
        metrics.corrected({kind: found.factor for kind, found in corrections.items()})
        if gates is not None:
            closed = {
                tier.name
                for rank, tier in enumerate(rules.tiers)
                if sight.switches.least_rate(rank, rules.tiers) <= 0
            }
            metrics.stood(gates.tiers, closed)
            metrics.owes(rules.tiers, gates.usual_s)

    def suspended(self, job: Job, why: Suspension) -> None:
        """A running job is told to stop after its step."""
        self._metrics.jobs.suspended(job, why.name.lower())

    def finished(self, job: Job) -> None:
        """A job has ended; to be told once for each."""
        self._policy.finished(job)
        self._metrics.policy.finished(job)
        in_time = (job.completed_at or 0.0) <= self._policy.numbers.deadline(job)
        self._metrics.jobs.finished(job, in_time=in_time)
        self._failures.ended(job, time.time())
