"""What an account may ask of a model, and how it is told that it asked for more. Pure."""

import math
from collections.abc import Mapping
from dataclasses import replace

from pipelines.spec import ModelLimits
from serve.accounts.limits import unfinished_jobs
from serve.gateway.admission.rate_headers import duration, gpu_second_headers, plain
from serve.gateway.errors import ApiError, retry_after
from serve.jobs.job import Job
from serve.jobs.store import Allowance
from serve.jobs.usage import seconds_left
from serve.messages import Snapshot
from serve.settings.accounts import Limits

RETRY_UNKNOWN_S = 5.0
"""When nobody can say how long the caller's own jobs will take."""


def within(model: ModelLimits, limits: Limits) -> ModelLimits:
    """The model's limits with defaults that the account may have, if there are any.

    What a request states itself is judged by `check_clip`.
    """
    if limits.max_size is None and limits.max_seconds is None:
        return model
    sizes = sorted(model.sizes, key=lambda size: _too_large(size[0], size[1], limits))
    frames = model.default_frames
    if limits.max_seconds is not None:
        most = math.floor(limits.max_seconds * model.default_fps)
        rounded_down = (most - 1) // model.frame_stride * model.frame_stride + 1
        frames = max(model.min_frames, min(frames, rounded_down))
    return replace(model, sizes=tuple(sizes), default_frames=frames)


def check_model(model: str, limits: Limits) -> None:
    """Raise `ApiError` (403) for a model that the account may not use."""
    if limits.models is not None and model not in limits.models:
        names = ", ".join(limits.models) or "none"
        message = f"The model `{model}` is not open to your account; open to it: {names}."
        raise ApiError(403, "model_not_allowed", message, param="model")


def check_clip(job: Job, limits: Limits) -> None:
    """Raise `ApiError` (403) for a clip that is larger or longer than the account may have."""
    spec = job.spec
    if _too_large(spec.width, spec.height, limits):
        message = (
            f"`size`: {spec.width}x{spec.height} is larger than your account may ask for: "
            f"at most as many pixels as {limits.max_size}."
        )
        raise ApiError(403, "size_not_allowed", message, param="size")
    if limits.max_seconds is not None and spec.seconds > limits.max_seconds:
        message = (
            f"`seconds`: {spec.seconds:g} is longer than your account may ask for: "
            f"at most {limits.max_seconds:g}."
        )
        raise ApiError(403, "seconds_not_allowed", message, param="seconds")
    day = limits.gpu_seconds_per_day
    if day is not None and job.predicted_gpu_s > day:
        message = (
            f"This clip should take {job.predicted_gpu_s:.1f} GPU-seconds, and your account has "
            f"{plain(day)} a day: ask for a smaller or shorter one, or for fewer steps."
        )
        raise ApiError(403, "clip_not_allowed", message)


def allowance_of(limits: Limits, tier_most: int) -> Allowance:
    """What the store checks while it takes a job in; `tier_most` are the unfinished jobs that the
    policy allows the tier."""
    both = limits.jobs_waiting is not None and limits.jobs_at_once is not None
    return Allowance(
        live=unfinished_jobs(limits, tier_most),
        waiting=None if both else limits.jobs_waiting,
        gpu_s=limits.gpu_seconds_per_day,
    )


def too_many_jobs(
    live: Mapping[str, float | None], snapshot: Snapshot | None, now: float
) -> ApiError:
    """The account has its jobs already; the first of them to end makes room. `live` are their
    ids, each with the time by which it was promised."""
    ends = (_end_s(job_id, promised, snapshot, now) for job_id, promised in live.items())
    wait_s = min((end for end in ends if end is not None), default=RETRY_UNKNOWN_S)
    message = (
        f"Your account has {len(live)} jobs that wait or run, as many as it may; "
        f"one should end in about {duration(wait_s)}."
    )
    return ApiError(429, "concurrency_limit", message, headers=retry_after(wait_s))


def quota_spent(job: Job, committed_gpu_s: float, day_gpu_s: float) -> ApiError:
    """The day's GPU-seconds are used up, or will be by the jobs that the account has."""
    wait_s = seconds_left(job.created_at)
    message = (
        f"Your account has {plain(day_gpu_s)} GPU-seconds a day; {committed_gpu_s:.1f} are used or "
        f"expected by its jobs, and this clip should take {job.predicted_gpu_s:.1f}. "
        f"The next day (UTC) begins in {duration(wait_s)}."
    )
    left = gpu_second_headers(day_gpu_s, day_gpu_s - committed_gpu_s, job.created_at)
    return ApiError(429, "insufficient_quota", message, headers=retry_after(wait_s) | left)


def _too_large(width: int, height: int, limits: Limits) -> bool:
    if limits.max_size is None:
        return False
    wide, high = (int(side) for side in limits.max_size.split("x"))
    return width * height > wide * high


def _end_s(
    job_id: str, promised_by: float | None, snapshot: Snapshot | None, now: float
) -> float | None:
    """In how many seconds the job should end, at the latest when that was promised; None where
    nobody can say."""
    eta_s = snapshot.running_eta_s.get(job_id) if snapshot else None
    if eta_s is None and snapshot and job_id in snapshot.places:
        eta_s = snapshot.places[job_id].eta_s
    if eta_s is None and promised_by is not None:
        return max(RETRY_UNKNOWN_S, promised_by - now)
    return eta_s
