"""Every `filmgate_*` metric: its name, unit, meaning and labels.

Labels are bounded: models, tiers and shapes come from the settings, everything else from the code.
No label is an id, a user or a prompt. Names end in their unit; `_total` marks what only grows.
"""

from dataclasses import dataclass
from typing import Final, Literal

LONG_S: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1200, 3600, 7200, 14400)
"""From a small model on a laptop (tenths of a second) to a long queue (four hours)."""
STEP_S: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric as it is declared; a histogram has the upper bounds of its buckets."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


JOBS_ENDED: Final = Metric(
    name="filmgate_jobs_ended_total",
    kind="counter",
    help="Jobs that ended, by their last status and, where they failed, the stated code.",
    labels=("model", "tier", "status", "reason"),
)
JOB_WAIT: Final = Metric(
    name="filmgate_job_wait_seconds",
    kind="histogram",
    help="From submission to the first start, of jobs that ended.",
    labels=("model", "tier"),
    buckets=LONG_S,
)
JOB_DURATION: Final = Metric(
    name="filmgate_job_duration_seconds",
    kind="histogram",
    help="From submission to the stored clip, of completed jobs.",
    labels=("model", "tier"),
    buckets=LONG_S,
)
STAGE: Final = Metric(
    name="filmgate_stage_seconds",
    kind="histogram",
    help="Device time of one run of a stage; denoising is counted when the job ends.",
    labels=("model", "stage"),
    buckets=LONG_S,
)
STEP: Final = Metric(
    name="filmgate_step_seconds",
    kind="histogram",
    help="Time of one denoising step.",
    labels=("model",),
    buckets=STEP_S,
)
GPU_TIME: Final = Metric(
    name="filmgate_gpu_seconds_total",
    kind="counter",
    help="Device time spent on jobs, redone and abandoned work included.",
    labels=("model", "tier", "stage"),
)
ENCODER_CACHE_HITS: Final = Metric(
    name="filmgate_encoder_cache_hits_total",
    kind="counter",
    help="Attempts whose conditioning the encoder had already, or was making for an equal prompt.",
    labels=("model",),
)
ENCODER_CACHE_MISSES: Final = Metric(
    name="filmgate_encoder_cache_misses_total",
    kind="counter",
    help="Attempts whose conditioning had to be made.",
    labels=("model",),
)
STEPS_REDONE: Final = Metric(
    name="filmgate_steps_redone_total",
    kind="counter",
    help="Denoising steps that had to be done again after an interruption.",
    labels=("model",),
)
JOBS_WAITING: Final = Metric(
    name="filmgate_jobs_waiting",
    kind="gauge",
    help="Jobs in the queue.",
    labels=("model", "tier"),
)
BACKLOG: Final = Metric(
    name="filmgate_backlog_gpu_seconds",
    kind="gauge",
    help="Predicted device time of the jobs in the queue.",
    labels=("model", "tier"),
)
JOBS_RUNNING: Final = Metric(
    name="filmgate_jobs_running",
    kind="gauge",
    help="Jobs in progress, by phase.",
    labels=("model", "phase"),
)
GANGS: Final = Metric(
    name="filmgate_gangs",
    kind="gauge",
    help="Gangs that report to the scheduler: busy with a job, or free.",
    labels=("model", "shape", "state"),
)
EPOCH: Final = Metric(
    name="filmgate_scheduler_epoch",
    kind="gauge",
    help="The epoch of the scheduler that speaks; a restart takes the next one.",
)
SATURATION: Final = Metric(
    name="filmgate_saturation_ratio",
    kind="gauge",
    help="How full the cluster is for a tier, smoothed; at 1 its work fills the target time.",
    labels=("tier",),
)
TURNED_ASIDE: Final = Metric(
    name="filmgate_gate_turned_aside_ratio",
    kind="gauge",
    help="Part of a tier's requests that is not let in at once: 0 is an open gate, 1 a shut one.",
    labels=("tier",),
)
GATE_FLIPS: Final = Metric(
    name="filmgate_gate_flips",
    kind="gauge",
    help="How often a tier's gate has closed or opened.",
    labels=("tier",),
)
GPUS: Final = Metric(
    name="filmgate_gpus",
    kind="gauge",
    help="Devices of healthy gangs, as the policy counts on them.",
)
WORK: Final = Metric(
    name="filmgate_work_gpu_seconds",
    kind="gauge",
    help="Predicted device time still to do: let in, waiting or running; or promised for later.",
    labels=("tier", "kind"),
)
JOBS_DEFERRED: Final = Metric(
    name="filmgate_jobs_deferred",
    kind="gauge",
    help="Jobs that are kept for later, with a promise.",
    labels=("tier",),
)
PROMISES_ENDED: Final = Metric(
    name="filmgate_promises_ended_total",
    kind="counter",
    help="Promised jobs that are done: kept by the promised time, or broken.",
    labels=("tier", "outcome"),
)
SUSPENSIONS: Final = Metric(
    name="filmgate_suspensions_total",
    kind="counter",
    help="Running jobs stopped after a step: gives_way to a paid job, moves to a larger gang.",
    labels=("tier", "reason"),
)
REQUESTS: Final = Metric(
    name="filmgate_requests_answered_total",
    kind="counter",
    help="Requests for clips, by what became of them and why.",
    labels=("model", "tier", "outcome", "reason"),
)
REQUESTED: Final = Metric(
    name="filmgate_requested_gpu_seconds_total",
    kind="counter",
    help="Predicted device time of all requests for clips, whatever became of them.",
    labels=("tier",),
)
BUILD: Final = Metric(
    name="filmgate_build_info",
    kind="gauge",
    help="Always 1; the label is what is interesting.",
    labels=("version",),
)
CATALOGUE: Final = (
    JOBS_ENDED,
    JOB_WAIT,
    JOB_DURATION,
    STAGE,
    STEP,
    GPU_TIME,
    ENCODER_CACHE_HITS,
    ENCODER_CACHE_MISSES,
    STEPS_REDONE,
    JOBS_WAITING,
    BACKLOG,
    JOBS_RUNNING,
    GANGS,
    EPOCH,
    SATURATION,
    TURNED_ASIDE,
    GATE_FLIPS,
    GPUS,
    WORK,
    JOBS_DEFERRED,
    PROMISES_ENDED,
    SUSPENSIONS,
    REQUESTS,
    REQUESTED,
    BUILD,
)
