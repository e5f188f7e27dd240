"""Who hears what attempts go through."""

from typing import Protocol

from serve.jobs.job import Job


class Listener(Protocol):
    """Learns from it; all are told as it happens, and once."""

    def began(self, job: Job) -> None:
        """An attempt begins."""
        ...

    def went_on(self, job: Job, step: int) -> None:
        """Its gang has it, and begins at this step."""
        ...

    def encoded(self, job: Job, cached: bool) -> None:
        """Whether the encoder had the conditioning already."""
        ...

    def observed(self, job: Job, stage: str, seconds: float, devices: int) -> None:
        """A stage, or a "step", held so many devices for so long."""
        ...

    def broke(self, job: Job, error: BaseException) -> None:
        """The attempt broke off."""
        ...
