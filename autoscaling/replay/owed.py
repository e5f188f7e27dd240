"""Promised jobs of the replay that do not run, in the order of their promises."""

from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import Final

from autoscaling.promises import Promised
from autoscaling.replay.jobs import SimJob

MOST_AT_ONCE: Final = 64


class Owed:
    """Deferred jobs, and those that were released and wait for a gang."""

    def __init__(self) -> None:
        self._keys: list[tuple[float, int]] = []
        self._jobs: dict[int, SimJob] = {}
        self._promised: list[Promised] = []
        self._deferred: list[tuple[float, int]] = []

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
            insort(self._deferred, key)

    def deferred(self) -> list[Promised]:
        """Those that were not released yet, as many as could be released at once."""
        return [
            self._promised[bisect_left(self._keys, key)] for key in self._deferred[:MOST_AT_ONCE]
        ]

    def release(self, promised: Promised) -> SimJob:
        """It waits for a gang from now on, and is owed until it runs."""
        number = int(promised.job_id)
        self._forget((promised.finish_by, number))
        return self._jobs[number]

    def starts(self, job: SimJob) -> None:
        """It runs; whoever was not promised anything is not known here."""
        if job.number not in self._jobs or job.promised_by is None:
            return
        key = (job.promised_by, job.number)
        at = bisect_left(self._keys, key)
        del self._keys[at], self._promised[at], self._jobs[job.number]
        self._forget(key)

    def _forget(self, key: tuple[float, int]) -> None:
        """It is not deferred any more."""
        at = bisect_left(self._deferred, key)
        if self._deferred[at : at + 1] == [key]:
            del self._deferred[at]
