"""A policy over jobs that cost what a test says, and jobs to give it."""

from dataclasses import replace
from typing import Any

from autoscaling.rules import Rules
from autoscaling.usual import UsualClip
from serve.jobs.job import Job, Phase, Status
from serve.scheduling.costs import Costs
from serve.scheduling.job_numbers import JobNumbers
from serve.scheduling.policy import Policy
from tests.unit.serve.attempts.scene import JOB

NOW = 1_000_000.0


class EachTakes(Costs):
    """So many GPU-seconds a job, all of it denoising."""

    def __init__(self, gpu_s: float) -> None:
        super().__init__({})
        self.gpu_s = gpu_s

    def remaining_s(self, job: Job) -> float:
        return self.gpu_s * (1 - job.step / job.spec.steps)

    def seconds_on(self, job: Job, devices: int, *, whole: bool = False) -> float:
        return (self.gpu_s if whole else self.remaining_s(job)) / devices


def numbers(gpu_s: float = 10.0, rules: Rules | None = None) -> JobNumbers:
    return JobNumbers(rules or Rules(), EachTakes(gpu_s), lambda _: 1)


def policy_of(gpu_s: float = 10.0, rules: Rules | None = None) -> Policy:
    return Policy(numbers(gpu_s, rules), NOW, UsualClip(gpu_s=gpu_s))


def job(job_id: str, tier: str = "free", **fields: Any) -> Job:
    return replace(JOB, **{"id": job_id, "tier": tier, "created_at": NOW, **fields})


def deferred(job_id: str, by: float, **fields: Any) -> Job:
    return job(job_id, promised_by=by, predicted_wait_s=100.0, **fields)


def running(known: Job, now: float = NOW) -> Job:
    return replace(
        known,
        status=Status.IN_PROGRESS,
        phase=Phase.DENOISE,
        attempt=known.attempt + 1,
        attempt_started_at=now,
    )
