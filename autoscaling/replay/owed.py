"""Promised jobs of the replay that do not run, in the order of their promises."""

from bisect import bisect_left
from collections.abc import Sequence

from autoscaling.promises import Promised
from autoscaling.replay.jobs import SimJob


class InOrder:
    """Promised jobs by what they were promised, then by their numbers."""

    def __init__(self) -> None:
        self._keys: list[tuple[float, int]] = []
        self.jobs: list[Promised] = []

    def add(self, promised: Promised) -> None:
        at = bisect_left(self._keys, _key(promised))
        self._keys.insert(at, _key(promised))
        self.jobs.insert(at, promised)

    def remove(self, promised: Promised) -> None:
        """Nothing happens if it is not there."""
        at = bisect_left(self._keys, _key(promised))
        if self._keys[at : at + 1] == [_key(promised)]:
            del self._keys[at], self.jobs[at]


class Owed:
    """Deferred jobs, and those that were released and wait for a gang."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[SimJob, Promised]] = {}
        self._all = InOrder()
        self._deferred = InOrder()

    @property
    def all(self) -> Sequence[Promised]:
        """The earliest promise first."""
        return self._all.jobs

    def add(self, job: SimJob, finish_by: float, gpu_s: float, *, deferred: bool) -> None:
        """`gpu_s` are still to do."""
        promised = Promised(
            job_id=job.job_id, finish_by=finish_by, gpu_s=gpu_s, standalone_s=job.standalone_s
        )
        self._known[job.job_id] = (job, promised)
        self._all.add(promised)
        if deferred:
            self._deferred.add(promised)

    def deferred(self) -> Sequence[Promised]:
        """Those that were not released yet, the earliest promise first."""
        return self._deferred.jobs

    def release(self, promised: Promised) -> SimJob:
        """It waits for a gang from now on, and is owed until it runs."""
        self._deferred.remove(promised)
        return self._known[promised.job_id][0]

    def starts(self, job: SimJob) -> None:
        """It runs; whoever was not promised anything is not known here."""
        if (known := self._known.pop(job.job_id, None)) is not None:
            self._all.remove(known[1])
            self._deferred.remove(known[1])


def _key(promised: Promised) -> tuple[float, int]:
    return promised.finish_by, int(promised.job_id)
