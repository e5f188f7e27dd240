"""Conditioning made while the gangs are busy, so that a gang that gets free need not wait for it.

At most one job ahead per gang. What is made stays in Ray's object store, and goes from there to the
gang that the job gets: here only the call is kept.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from serve.attempts.gangs import Gangs
from serve.jobs.job import Job

ANSWER_S = 5.0
"""For an answer that is there to come from wherever it lies."""


class EncodeAhead:
    """The calls to encoders for jobs that have no gang yet; `encode` makes one."""

    def __init__(
        self,
        encode: Callable[[Job], Any],
        gangs: Gangs,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._encode = encode
        self._gangs = gangs
        self._monotonic = monotonic
        self._calls: dict[str, Any] = {}

    def look(self, blocked: Iterable[Job]) -> None:
        """Encode for those that are next. `blocked` lack nothing but a free gang, best first."""
        room = Counter(gang.model for gang in self._gangs.statuses(self._monotonic()))
        wanted = {}
        for job in blocked:
            if room[job.model] > 0:
                room[job.model] -= 1
                wanted[job.id] = job
        for job_id in self._calls.keys() - wanted.keys():
            stop(self._calls.pop(job_id))
        for job in wanted.values():
            # Only for a first attempt: what an encoder cannot encode must be found out, and blamed,
            # by an attempt.
            if job.id not in self._calls and job.attempt == 0:
                self._calls[job.id] = self._encode(job)

    def take(self, job_id: str) -> Any | None:
        """The call made for a job whose attempt begins, if there is one: for its gang."""
        return self._calls.pop(job_id, None)


async def answered(call: Any) -> bool:
    """Whether the encoder made what it was asked for; where that is not clear, it did not."""
    try:
        await asyncio.wait_for(call, ANSWER_S)
    except Exception:
        return False
    return True


def stop(call: Any) -> None:
    """End a call to a stage that may be over already; Ray raises again what such a one raised."""
    with contextlib.suppress(Exception):
        call.cancel()
