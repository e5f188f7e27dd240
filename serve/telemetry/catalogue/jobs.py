"""Of the catalogue: jobs, their attempts, and the device time that they take.

| label | values |
|---|---|
| status | completed, failed, cancelled |
| reason (ended) | the code of the failure; `none` where there is none |
| reason (broken) | silent, died, device, memory, store, job, other |
| reason (suspended) | gives_way, moves |
| reason (wasted) | redone, failed, cancelled |
| outcome | in_time, late |
| phase | starting, encode, denoise, decode |
| stage | encode, denoise, decode |
| origin | checkpoint, start |
| size_class | small, 480p, 720p, 1080p, larger: by the shorter side |
"""

from typing import Final

from serve.telemetry.catalogue.metric import counter, gauge, histogram

LONG_S: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1200, 3600, 7200, 14400)
"""From a small model on a laptop (tenths of a second) to a long queue (four hours)."""
STEP_S: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32)
TIMES: Final = (0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256)

ENDED: Final = counter(
    "filmgate_jobs_ended_total",
    "model tier status reason",
    "Jobs that ended, by their last status and, where they failed, the stated code.",
)
STARTS: Final = counter(
    "filmgate_job_starts_total",
    "model tier outcome",
    "First starts of jobs: early enough for a clip within the tier's target or promise, or late.",
)
CLIPS: Final = counter(
    "filmgate_clips_total",
    "model tier outcome",
    "Completed clips: in time by the tier's target or the promise, or late.",
)
WAIT: Final = histogram(
    "filmgate_job_wait_seconds",
    "model tier",
    "From submission to the first start.",
    LONG_S,
)
DURATION: Final = histogram(
    "filmgate_job_duration_seconds",
    "model tier size_class",
    "From submission to the stored clip, of completed jobs.",
    LONG_S,
)
STAGE: Final = histogram(
    "filmgate_stage_seconds",
    "model stage",
    "Device time of one run of a stage; denoising is counted when the job ends.",
    LONG_S,
)
STEP: Final = histogram("filmgate_step_seconds", "model", "Time of one denoising step.", STEP_S)
REALTIME: Final = histogram(
    "filmgate_realtime_factor_ratio",
    "model size_class",
    "Seconds that the stages took for a second of video; at 1 it is made as fast as it plays.",
    TIMES,
)
VIDEO: Final = counter(
    "filmgate_video_seconds_total", "model tier", "Length of the clips that were completed."
)
WAITING: Final = gauge(
    "filmgate_jobs_waiting", "model tier", "Jobs in the queue; suspended ones are among them."
)
HELD_BACK: Final = gauge(
    "filmgate_jobs_held_back",
    "model tier",
    "Jobs that wait for others of their own account (`jobs_at_once`), and in no queue.",
)
SUSPENDED: Final = gauge(
    "filmgate_jobs_suspended", "model tier", "Jobs that gave way to others and wait to go on."
)
DEFERRED: Final = gauge(
    "filmgate_jobs_deferred", "tier", "Jobs that are kept for later, with a promise."
)
RUNNING: Final = gauge("filmgate_jobs_running", "model phase", "Jobs in progress, by phase.")
LATE: Final = gauge(
    "filmgate_jobs_late",
    "model tier",
    "Jobs in the queue that cannot be in time any more, even if they started now.",
)
OLDEST_WAIT: Final = gauge(
    "filmgate_oldest_wait_seconds",
    "model tier",
    "Age of the queue: since when its oldest job waits for a gang.",
)
BACKLOG: Final = gauge(
    "filmgate_backlog_gpu_seconds",
    "model tier",
    "Predicted device time of the jobs in the queue.",
)
BROKEN: Final = counter(
    "filmgate_attempts_broken_total",
    "model phase reason",
    "Attempts that broke: their gang fell silent, a replica died, a device or a store failed.",
)
SUSPENSIONS: Final = counter(
    "filmgate_suspensions_total",
    "tier reason",
    "Running jobs stopped after a step: gives_way to a paid job, moves to a larger gang.",
)
RESUMES: Final = counter(
    "filmgate_resumes_total",
    "model tier origin",
    "Attempts after a job's first: went on from a checkpoint, or had to begin at the start.",
)
STEPS_REDONE: Final = counter(
    "filmgate_steps_redone_total",
    "model",
    "Denoising steps that had to be done again after an interruption.",
)
GPU_TIME: Final = counter(
    "filmgate_gpu_seconds_total",
    "model tier stage",
    "Device time spent on jobs, redone and abandoned work included.",
)
GPU_WASTED: Final = counter(
    "filmgate_gpu_seconds_wasted_total",
    "model tier reason",
    "The part of it that no clip came of: steps that are redone, jobs that failed or were stopped.",
)
CACHE_HITS: Final = counter(
    "filmgate_encoder_cache_hits_total",
    "model",
    "Attempts whose conditioning the encoder had already.",
)
CACHE_MISSES: Final = counter(
    "filmgate_encoder_cache_misses_total", "model", "Attempts whose conditioning had to be made."
)
CORRECTION: Final = gauge(
    "filmgate_cost_correction_ratio",
    "model stage",
    "What the stage takes, over what the cost model says; 1 is a prediction that was right.",
)
