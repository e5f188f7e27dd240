"""Jobs as the policy's plain numbers: what is left to do, by when, for whom."""

from collections.abc import Callable

from autoscaling.ordering import Waiting
from autoscaling.promises import Promised, due_at
from autoscaling.rules import Rules
from autoscaling.tiers import Tier
from serve.jobs.job import Job
from serve.scheduling.costs import Costs


class JobNumbers:
    """`standard` is how many devices a gang of standard size has, for a job's model."""

    def __init__(self, rules: Rules, costs: Costs, standard: Callable[[Job], int]) -> None:
        self.rules = rules
        self._costs = costs
        self.standard = standard
        self._waiting: dict[str, tuple[Job, Waiting]] = {}

    def rank(self, job: Job) -> int:
        return self.rules.tiers.rank(job.tier)

    def tier(self, job: Job) -> Tier:
        """A tier that the settings no longer have is the lowest."""
        return self.rules.tiers[self.rank(job)]

    def left_gpu_s(self, job: Job) -> float:
        return self._costs.remaining_s(job)

    def seconds_on(self, job: Job, devices: int) -> float:
        """Until its clip, on a gang of so many devices."""
        return self._costs.seconds_on(job, devices)

    def standalone_s(self, job: Job) -> float:
        """The whole job's, on an idle gang of standard size."""
        return self._costs.seconds_on(job, self.standard(job), whole=True)

    def target_then_s(self, job: Job) -> float:
        """The tier's target for the job when it was taken. What has been learnt of costs since is
        about the denoising mostly, which a gang shares."""
        learnt_gpu_s = job.predicted_gpu_s - self._costs.seconds_on(job, 1, whole=True)
        then_s = self.standalone_s(job) + learnt_gpu_s / self.standard(job)
        return self.tier(job).target_s(then_s)

    def deadline(self, job: Job) -> float:
        """When its clip is promised, or else should be there."""
        if job.promised_by is not None:
            return job.promised_by
        return job.created_at + self.tier(job).target_s(self.standalone_s(job))

    def slack_s(self, job: Job, devices: int, now: float) -> float:
        """How much later a running job could end and still be in time."""
        return self.deadline(job) - now - self.seconds_on(job, devices)

    def waiting(self, job: Job) -> Waiting:
        """As it stands in the queue. Counted once until `renew`, for a queue is looked at often."""
        known = self._waiting.get(job.id)
        if known is None or known[0] is not job:
            known = self._waiting[job.id] = (job, self._plain(job))
        return known[1]

    def is_due(self, job: Job, now: float) -> bool:
        """Whether a promised job must begin now, or has waited far too long."""
        return self.waiting(job).due_at <= now

    def renew(self) -> None:
        """Count anew from here on: what things cost has been learnt better."""
        self._waiting.clear()

    def promised(self, job: Job) -> Promised:
        """A promised job that waits, or is kept for later."""
        return Promised(
            job_id=job.id,
            finish_by=self.deadline(job),
            gpu_s=self.left_gpu_s(job),
            standalone_s=self._costs.seconds_on(job, self.standard(job)),
        )

    def _plain(self, job: Job) -> Waiting:
        tier, deadline = self.tier(job), self.deadline(job)
        left_s = self._costs.seconds_on(job, self.standard(job))
        if job.promised_by is not None:
            due = due_at(job.promised_by, left_s, self.rules.release)
        else:
            due = self.rules.order.aged_at(job.created_at, deadline)
        return Waiting(
            job_id=job.id,
            model=job.model,
            tier_rank=self.rank(job),
            created_at=job.created_at,
            predicted_gpu_s=self.left_gpu_s(job),
            account_id=job.account_id,
            weight=tier.weight,
            paid=tier.paid,
            deadline=deadline,
            standalone_s=left_s,
            due_at=due,
            promised=job.promised_by is not None,
            suspended_at=job.suspended_at,
        )
