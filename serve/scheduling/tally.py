"""What one round of the Scheduler counts as it goes through the queue, each thing once."""

from collections.abc import Callable, Collection, Iterable, Mapping

from serve.attempts.history import Ahead
from serve.jobs.job import Job
from serve.scheduling.own_limits import OwnLimits


class Tally:
    """`running` are the jobs in progress; `drain_s` is how long all that waits would take each
    model."""

    def __init__(self, running: Iterable[Job], *, drain_s: Mapping[str, float]) -> None:
        self.drain_s = drain_s
        self.blocked: list[Job] = []
        """Jobs that lack nothing but a free gang, best first."""
        self.full: set[str] = set()
        """Models that have no free gang at all."""
        self.limits = OwnLimits(running)
        self._offered: dict[str, bool] = {}
        self._ahead: dict[str, Ahead] = {}

    def is_offered(self, job: Job, shapes: Callable[[Job], Collection[str]]) -> bool:
        """Whether its model still is: it has shapes then."""
        if job.model not in self._offered:
            self._offered[job.model] = bool(shapes(job))
        return self._offered[job.model]

    def blocks(self, job: Job, *, paid: bool) -> Ahead:
        """There is no gang for it; what of its model stands before it."""
        ahead = self._ahead.setdefault(job.model, Ahead())
        self._ahead[job.model] = ahead.after(paid=paid, promised=job.promised_by is not None)
        self.blocked.append(job)
        return ahead
