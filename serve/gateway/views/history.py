"""Why a job waits and what was promised, as its owner is told."""

from typing import Any, Literal

from pydantic import BaseModel

from serve.jobs.job import Job, Status

Standing = Literal["deferred", "waiting", "suspended", "running", "ended"]


class DecisionNote(BaseModel):
    """One thing that was decided, at `at` (Unix seconds). `what` and `reason` are stable words."""

    at: int
    what: str
    reason: str
    text: str


class DecisionNow(BaseModel):
    """Where the job stands. A `deferred` one is kept for later: it will be there by `ready_by`,
    nine times in ten, and that time never moves. A `suspended` one gave way to another, and goes on
    from the step that it had reached. `reason` and `text` are those of the last decision.
    """

    state: Standing
    reason: str | None
    text: str | None
    ready_by: int | None


class Decision(DecisionNow):
    """The same with all that was decided, the oldest first; of a long history the middle is
    left out."""

    history: list[DecisionNote]


def decision_of(job: Job) -> Decision:
    """The decisions about a job."""
    notes = [
        DecisionNote(at=int(note.at), what=note.what, reason=note.reason, text=note.text)
        for note in job.history
    ]
    return Decision(**decision_now(job), history=notes)


def decision_now(job: Job) -> dict[str, Any]:
    """The fields of a `DecisionNow`."""
    last = job.history[-1] if job.history else None
    return {
        "state": _standing(job),
        "reason": last.reason if last else None,
        "text": last.text if last else None,
        "ready_by": None if job.promised_by is None else int(job.promised_by),
    }


def _standing(job: Job) -> Standing:
    if job.ended:
        return "ended"
    if job.status is Status.IN_PROGRESS:
        return "running"
    if job.deferred:
        return "deferred"
    return "waiting" if job.suspended_at is None else "suspended"
