"""A job as a row of the `jobs` table, and back."""

from dataclasses import asdict
from typing import Any

from sqlalchemy.engine import RowMapping

from pipelines.spec import ClipSpec
from serve.jobs.job import Failure, Job, Note, Phase, Status, Timings

ERASED_PROMPTS = {"prompt": "", "negative_prompt": ""}


def to_row(job: Job) -> dict[str, Any]:
    """Column values of a job that is stored for the first time."""
    spec = asdict(job.spec)
    prompts = {name: spec.pop(name) for name in ERASED_PROMPTS}
    return {
        "id": job.id,
        "account_id": job.account_id,
        "tier": job.tier,
        "model": job.model,
        "prompts": prompts,
        "spec": spec,
        "status": job.status.value,
        "phase": job.phase.value if job.phase else None,
        "step": job.step,
        "predicted_gpu_s": job.predicted_gpu_s,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "completed_at": job.completed_at,
        "expires_at": job.expires_at,
        "deleted_at": job.deleted_at,
        "epoch": job.epoch,
        "attempt": job.attempt,
        "attempt_started_at": job.attempt_started_at,
        "seen_at": job.attempt_started_at,
        "crashes": job.crashes,
        "crash_step": job.crash_step,
        "run_s": job.run_s,
        "clip_prefix": job.clip_prefix,
        "failure": asdict(job.failure) if job.failure else None,
        "timings": asdict(job.timings) if job.timings != Timings() else None,
        "price_per_gpu_s": job.price_per_gpu_s,
        "jobs_at_once": job.jobs_at_once,
        "promised_by": job.promised_by,
        "predicted_wait_s": job.predicted_wait_s,
        "released_at": job.released_at,
        "preemptions": job.preemptions,
        "suspended_at": job.suspended_at,
        "history": history_values(job.history),
    }


def to_job(row: RowMapping) -> Job:
    """The job that a row of the `jobs` table describes."""
    return Job(
        id=row["id"],
        account_id=row["account_id"],
        tier=row["tier"],
        model=row["model"],
        spec=ClipSpec(**row["prompts"], **row["spec"]),
        status=Status(row["status"]),
        created_at=float(row["created_at"]),
        predicted_gpu_s=float(row["predicted_gpu_s"]),
        started_at=_seconds(row["started_at"]),
        completed_at=_seconds(row["completed_at"]),
        expires_at=_seconds(row["expires_at"]),
        phase=Phase(row["phase"]) if row["phase"] else None,
        step=row["step"],
        epoch=row["epoch"],
        attempt=row["attempt"],
        attempt_started_at=_seconds(row["attempt_started_at"]),
        crashes=row["crashes"],
        crash_step=row["crash_step"],
        run_s=float(row["run_s"]),
        clip_prefix=row["clip_prefix"],
        failure=Failure(**row["failure"]) if row["failure"] else None,
        timings=Timings(**row["timings"]) if row["timings"] else Timings(),
        deleted_at=_seconds(row["deleted_at"]),
        price_per_gpu_s=float(row["price_per_gpu_s"] or 0.0),
        jobs_at_once=row["jobs_at_once"],
        promised_by=_seconds(row["promised_by"]),
        predicted_wait_s=_seconds(row["predicted_wait_s"]),
        released_at=_seconds(row["released_at"]),
        preemptions=row["preemptions"] or 0,
        suspended_at=_seconds(row["suspended_at"]),
        history=tuple(Note(**note) for note in row["history"] or ()),
    )


def history_values(history: tuple[Note, ...]) -> list[dict[str, Any]] | None:
    """A job's history as its column holds it."""
    return [asdict(note) for note in history] or None


def _seconds(value: float | None) -> float | None:
    """SQLite's RETURNING gives whole numbers as integers, whatever the column's type."""
    return None if value is None else float(value)
