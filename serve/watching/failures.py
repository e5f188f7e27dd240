"""What ended and what broke lately, in bounded memory; `now` is an argument, in Unix seconds."""

from collections import deque
from typing import Final

from serve.gateway.views.load_view import LoadFailure
from serve.jobs.job import Job, Status

MOST_SHOWN: Final = 50
MOST_COUNTED: Final = 50_000
COUNTED_S: Final = 3_600.0


class Failures:
    """For the operators' page."""

    def __init__(self) -> None:
        self._shown: deque[LoadFailure] = deque(maxlen=MOST_SHOWN)
        self._ends: deque[tuple[float, bool]] = deque(maxlen=MOST_COUNTED)

    def ended(self, job: Job, now: float) -> None:
        """A job has ended, however."""
        failed = job.failure is not None
        if failed or job.status is Status.COMPLETED:
            self._ends.append((now, failed))
        if job.failure is not None:
            self._show(job, "job", job.failure.code, now)

    def broke(self, job: Job, reason: str, now: float) -> None:
        """An attempt broke off."""
        self._show(job, "attempt", reason, now)

    def newest(self) -> list[LoadFailure]:
        """The newest first."""
        return list(reversed(self._shown))

    def counts(self, now: float) -> tuple[int, int]:
        """Jobs that were completed, and that failed, within the last hour."""
        while self._ends and self._ends[0][0] < now - COUNTED_S:
            self._ends.popleft()
        failed = sum(bad for _, bad in self._ends)
        return len(self._ends) - failed, failed

    def _show(self, job: Job, what: str, reason: str, now: float) -> None:
        self._shown.append(
            LoadFailure.model_validate(
                {
                    "at": now,
                    "what": what,
                    "job_id": job.id,
                    "model": job.model,
                    "tier": job.tier,
                    "phase": job.phase or "starting",
                    "reason": reason,
                }
            )
        )
