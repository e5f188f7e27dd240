"""What a Gateway asks of its line to the Scheduler; nothing here is needed to take a job in."""

import logging
from collections.abc import AsyncIterator
from typing import Protocol

from serve.messages import Answered, JobEvent, Snapshot, StoreErrors

log = logging.getLogger(__name__)


class SchedulerLink(Protocol):
    """Everything may fail while the Scheduler is away: the job store still has every fact."""

    def snapshot(self) -> Snapshot | None:
        """The latest snapshot, from memory; None if there is none or it is too old to believe."""
        ...

    def notify(self, job_id: str) -> None:
        """Say that a row was made or changed, without waiting; the Scheduler scans anyway."""
        ...

    async def report(self, answered: list[Answered]) -> None:
        """Hand over what was answered; raises when the Scheduler may not have heard of it."""
        ...

    async def failed(self, errors: StoreErrors) -> None:
        """The same of calls that the stores failed."""
        ...

    def silent_s(self) -> float | None:
        """Since the last snapshot, in seconds; None before the first."""
        ...

    def events(self) -> AsyncIterator[JobEvent | Snapshot]:
        """One subscription; it may end or raise when the Scheduler dies."""
        ...


def tell_scheduler(link: SchedulerLink, job_id: str) -> None:
    """Hurry the Scheduler along; whatever goes wrong, it finds the row by itself."""
    try:
        link.notify(job_id)
    except Exception as error:
        log.info("the scheduler was not told: %s", type(error).__name__, extra={"job_id": job_id})
