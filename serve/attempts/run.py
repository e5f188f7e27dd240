"""A job in progress, as those see it who plan around it."""

from dataclasses import dataclass

from serve.jobs.job import Job, Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A job in progress, and the devices that it holds while it denoises."""

    job: Job
    devices: int = 1

    @property
    def on_gang(self) -> bool:
        return self.job.phase is not Phase.DECODE
