"""A job's changes as server-sent events. Pure: news in, frames out."""

import json
from dataclasses import replace
from typing import Any

from serve.gateway.views.history import decision_now
from serve.jobs.job import Job, Note, Status, noted
from serve.messages import JobEvent, QueuePlace

RECONNECT_MS = 2_000
HEARTBEAT = b": heartbeat\n\n"


class Narration:
    """What one reader was told so far; each change is told once."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._queue_place: QueuePlace | None = None
        self._told_status: tuple[Any, ...] | None = None
        self._told_progress: tuple[Any, ...] | None = None

    @property
    def ended(self) -> bool:
        return self._job.ended

    @property
    def last_id(self) -> str:
        """The id of the present state: the same in every Gateway."""
        job = self._job
        return f"{job.status.value}-{job.phase.value if job.phase else 'none'}-{job.step}"

    def opening(self, place: QueuePlace | None) -> bytes:
        """The present state, for a reader who has just come, or come back."""
        self._queue_place = place
        return f"retry: {RECONNECT_MS}\n\n".encode() + self._frames()

    def tell(self, news: JobEvent | QueuePlace) -> bytes:
        """The frames for what is new; empty when nothing is."""
        if isinstance(news, QueuePlace):
            self._queue_place = news
        else:
            self._job = replace(
                self._job,
                status=news.status,
                phase=news.phase,
                step=news.step,
                failure=news.failure,
                suspended_at=None if news.status is Status.IN_PROGRESS else self._job.suspended_at,
            )
            if news.note is not None:
                self._job = _with_note(self._job, news.note)
        return self._frames()

    def _frames(self) -> bytes:
        frames = self._status_frame() + self._progress_frame()
        if not self.ended:
            return frames
        failure = self._job.failure
        error = {"code": failure.code, "message": failure.message} if failure else None
        facts = {"status": self._job.status.value, "progress": self._job.progress, "error": error}
        return frames + self._frame("done", facts)

    def _status_frame(self) -> bytes:
        place = self._queue_place if self._job.status is Status.QUEUED else None
        position = place.position if place else None
        decision = decision_now(self._job)
        if (self._job.status, position, decision) == self._told_status:
            return b""
        self._told_status = self._job.status, position, decision
        facts = {
            "status": self._job.status.value,
            "queue_position": position,
            "eta_seconds": place.eta_s if place else None,
            "decision": decision,
        }
        return self._frame("status", facts)

    def _progress_frame(self) -> bytes:
        job = self._job
        progress = job.phase, job.step
        if job.status is not Status.IN_PROGRESS or progress == self._told_progress:
            return b""
        self._told_progress = progress
        facts = {
            "phase": job.phase.value if job.phase else None,
            "step": job.step,
            "steps": job.spec.steps,
            "percent": job.progress,
        }
        return self._frame("progress", facts)

    def _frame(self, event: str, facts: dict[str, Any]) -> bytes:
        data = json.dumps({"id": self._job.id, **facts})
        return f"event: {event}\nid: {self.last_id}\ndata: {data}\n\n".encode()


def _with_note(job: Job, note: Note) -> Job:
    """The job with the last thing that was decided about it, and what follows from that."""
    if job.history and note == job.history[-1]:
        return job
    told: dict[str, Any] = {"history": noted(job.history, note)}
    if note.what == "released":
        told["released_at"] = note.at
    if note.what == "suspended":
        told["suspended_at"] = note.at
    return replace(job, **told)
