"""How many jobs of one account may be in progress at once: what waits for that alone stands in
nobody's way, and asks for no gangs. Pure."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable

from serve.jobs.job import Job


class OwnLimits:
    """Counts jobs in progress, those that begin included."""

    def __init__(self, running: Iterable[Job]) -> None:
        self._at_once = Counter(job.account_id for job in running)

    def hold_back(self, job: Job) -> bool:
        """Whether as many jobs of its account are in progress as may be at once."""
        return job.jobs_at_once is not None and self._at_once[job.account_id] >= job.jobs_at_once

    def starts(self, job: Job) -> None:
        self._at_once[job.account_id] += 1


def held_back(queue: Iterable[Job], running: Iterable[Job]) -> frozenset[str]:
    """Ids of those that could not begin though there were a gang for each; the first go first."""
    limits, held = OwnLimits(running), []
    for job in queue:
        if limits.hold_back(job):
            held.append(job.id)
        else:
            limits.starts(job)
    return frozenset(held)


def contending(
    queue: Iterable[Job],
    running: Collection[Job],
    *,
    seconds_of: Callable[[Job], float],
    within_s: float,
) -> list[Job]:
    """Without what no account can have done `within_s`, were all gangs its own: two at once have
    two gangs for that time and no more, however many wait."""
    jobs = list(queue)
    if all(job.jobs_at_once is None for job in jobs):
        return jobs
    taken_s: dict[str, float] = {}
    for job in running:
        taken_s[job.account_id] = taken_s.get(job.account_id, 0.0) + seconds_of(job)
    kept = []
    for job in jobs:
        before_s = taken_s.get(job.account_id, 0.0)
        if job.jobs_at_once is None or before_s < job.jobs_at_once * within_s:
            kept.append(job)
        taken_s[job.account_id] = before_s + seconds_of(job)
    return kept
