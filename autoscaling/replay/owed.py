"""Promised jobs of the replay that do not run, in the order of their promises."""

from bisect import bisect_left, insort
from collections.abc import Sequence

from autoscaling.promises import Promised
from autoscaling.replay.jobs import SimJob


class Owed:
    """Deferred jobs, and those that were released and wait for a gang."""

    def __init__(self) -> None:
        self._keys: list[tuple[float, int]] = []
        self._jobs: dict[int, SimJob] = {}
        self._promised: list[Promised] = []
        self._deferred: set[int] = set()

    @property
    def all(self) -> Sequence[Promised]:
        """The earliest promise first."""
        return self._promised

    def add(self, job: SimJob, finish_by: float, gpu_s: float, *, deferred: bool) -> None:
        """`gpu_s` are still to do."""
        key = (finish_by, job.number)
        at = bisect_left(self._keys, key)
        insort(self._keys, key)
        promised = Promised(
            job_id=job.job_id, finish_by=finish_by, gpu_s=gpu_s, standalone_s=job.standalone_s
        )
        self._promised.insert(at, promised)
        self._jobs[job.number] = job
        if deferred:
            self._deferred.add(job.number)

    def deferred(self) -> list[Promised]:
        """Those that were not released yet, as many as could be released at once."""
        found: list[Promised] = []
        if not self._deferred:
            return found
        for (_, number), promised in zip(self._keys, self._promised, strict=True):
            if number in self._deferred:
                found.append(promised)
            if len(found) >= 64:
                break
        return found

    def release(self, promised: Promised) -> SimJob:
        """It waits for a gang from now on, and is owed until it runs."""
        number = int(promised.job_id)
        self._deferred.remove(number)
        return self._jobs[number]

    def starts(self, job: SimJob) -> None:
        """It runs; whoever was not promised anything is not known here."""
        if job.number not in self._jobs or job.promised_by is None:
            return
        at = bisect_left(self._keys, (job.promised_by, job.number))
        del self._keys[at], self._promised[at], self._jobs[job.number]
        self._deferred.discard(job.number)
