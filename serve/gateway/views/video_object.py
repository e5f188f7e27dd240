"""The video object of the API: a job, told in the de-facto shape plus what others leave out."""

from typing import Literal

from pydantic import BaseModel

from serve.gateway.views.cost import Cost, cost_of
from serve.gateway.views.history import Decision, decision_of
from serve.jobs.job import Job, Status
from serve.messages import Snapshot

LAST_DIGITS = 3
POLLS_PER_CLIP = 20
MIN_POLL_MS, MAX_POLL_MS, UNKNOWN_POLL_MS = 100, 10_000, 1_000


class VideoError(BaseModel):
    """Why a clip failed."""

    code: str
    message: str


class VideoMetrics(BaseModel):
    """What an ended job took, in seconds; `gpu_s` counts every device that it held."""

    queue_s: float
    encode_s: float
    denoise_s: float
    decode_s: float
    total_s: float
    gpu_s: float


class Video(BaseModel):
    """A job and its clip. Times are Unix seconds; `progress` is a percentage."""

    id: str
    object: Literal["video"]
    model: str
    status: Literal["queued", "in_progress", "completed", "failed", "cancelled", "expired"]
    progress: int
    created_at: int
    completed_at: int | None
    expires_at: int | None
    prompt: str | None
    size: str
    seconds: str
    remixed_from_video_id: str | None
    error: VideoError | None
    phase: Literal["encode", "denoise", "decode"] | None
    step: int
    steps: int
    queue_position: int | None
    eta_seconds: float | None
    started_at: int | None
    seed: int
    num_frames: int
    fps: int
    guidance_scale: float
    negative_prompt: str
    sound: bool
    metrics: VideoMetrics | None
    cost: Cost
    decision: Decision


class VideoList(BaseModel):
    """One page; ask for the next with `after` set to `last_id` while `has_more`."""

    object: Literal["list"]
    data: list[Video]
    first_id: str | None
    last_id: str | None
    has_more: bool


class VideoDeleted(BaseModel):
    """The job, its clip and its prompt are gone."""

    id: str
    object: Literal["video.deleted"]
    deleted: bool


def video_object(job: Job, snapshot: Snapshot | None, currency: str) -> Video:
    """The job as the API shows it; the Scheduler's snapshot adds its place in the queue."""
    spec = job.spec
    return Video(
        id=job.id,
        object="video",
        model=job.model,
        status=job.status.value,
        progress=job.progress,
        created_at=int(job.created_at),
        completed_at=_whole(job.completed_at),
        expires_at=_whole(job.expires_at),
        prompt=spec.prompt,
        size=f"{spec.width}x{spec.height}",
        seconds=seconds_text(spec.seconds),
        remixed_from_video_id=None,
        error=_error(job),
        phase=job.phase.value if job.phase else None,
        step=job.step,
        steps=spec.steps,
        queue_position=queue_position(job, snapshot),
        eta_seconds=eta_s(job, snapshot),
        started_at=_whole(job.started_at),
        seed=spec.seed,
        num_frames=spec.num_frames,
        fps=spec.fps,
        guidance_scale=spec.guidance_scale,
        negative_prompt=spec.negative_prompt,
        sound=spec.sound,
        metrics=_metrics(job),
        cost=cost_of(job, currency),
        decision=decision_of(job),
    )


def seconds_text(seconds: float) -> str:
    """Playing time as the API writes it: `2`, `2.125`."""
    return f"{seconds:.{LAST_DIGITS}f}".rstrip("0").rstrip(".")


def queue_position(job: Job, snapshot: Snapshot | None) -> int | None:
    """0 is next; None once the job runs, and while the Scheduler has not said."""
    if snapshot is None or job.status is not Status.QUEUED:
        return None
    place = snapshot.places.get(job.id)
    return place.position if place else None


def eta_s(job: Job, snapshot: Snapshot | None) -> float | None:
    """Seconds until the clip should be ready, where the Scheduler has said."""
    if snapshot is None or job.ended:
        return None
    place = snapshot.places.get(job.id)
    eta = snapshot.running_eta_s.get(job.id, place.eta_s if place else None)
    return None if eta is None else round(eta, LAST_DIGITS)


def poll_after_ms(job: Job, snapshot: Snapshot | None) -> int:
    """When to ask again: about twenty times a clip, at most ten times a second.

    The official client keeps the first value it gets, mostly before the Scheduler has placed the
    job: then the longest wait in the queue plus the job's own cost stands in for its own.
    A clip of 2 s is asked for every 100 ms, one of a minute every 3 s.
    """
    if snapshot is None:
        return UNKNOWN_POLL_MS
    eta = eta_s(job, snapshot)
    if eta is None:
        queue_s = max((place.eta_s or 0.0 for place in snapshot.places.values()), default=0.0)
        eta = queue_s + job.predicted_gpu_s
    return round(min(MAX_POLL_MS, max(MIN_POLL_MS, eta * 1_000 / POLLS_PER_CLIP)))


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds)


def _error(job: Job) -> VideoError | None:
    if job.failure is None:
        return None
    return VideoError(code=job.failure.code, message=job.failure.message)


def _metrics(job: Job) -> VideoMetrics | None:
    if job.completed_at is None:
        return None
    taken = job.timings
    return VideoMetrics(
        queue_s=round(taken.queue_s, LAST_DIGITS),
        encode_s=round(taken.encode_s, LAST_DIGITS),
        denoise_s=round(taken.denoise_s, LAST_DIGITS),
        decode_s=round(taken.decode_s, LAST_DIGITS),
        total_s=round(job.completed_at - job.created_at, LAST_DIGITS),
        gpu_s=round(taken.gpu_s, LAST_DIGITS),
    )
