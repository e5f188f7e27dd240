"""A job's changes as server-sent events. Pure: news in, frames out."""

import json
from dataclasses import replace
from typing import Any

from serve.jobs.job import Job, Status
from serve.messages import JobEvent, QueuePlace

RECONNECT_MS = 2_000
HEARTBEAT = b": heartbeat\n\n"


class Narration:
    """What one reader was told so far; each change is told once."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._queue_place: QueuePlace | None = None
        self._told_status: tuple[Status, int | None] | None = None
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
            )
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
        if (self._job.status, position) == self._told_status:
            return b""
        self._told_status = self._job.status, position
        facts = {
            "status": self._job.status.value,
            "queue_position": position,
            "eta_seconds": place.eta_s if place else None,
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
