"""Of the catalogue: gangs, replicas, the Scheduler, the stores, the build.

| label | values |
|---|---|
| state | busy, free |
| stage | encode, denoise, decode |
| shape | of gangs: `1`, `tp2`, `tp2-cfg2`; of encoders and decoders empty |
| store | jobs, artifacts |
| role | gateway, scheduler |
"""

from typing import Final

from serve.telemetry.catalogue.metric import counter, gauge, histogram

LOAD_S: Final = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200)

GANGS: Final = gauge(
    "filmgate_gangs",
    "model shape state",
    "Gangs that report to the scheduler: busy with a job, or free.",
)
GANGS_STARTED: Final = counter(
    "filmgate_gangs_started_total",
    "model shape",
    "Gangs that came up: new ones, and those in place of others.",
)
GANGS_LOST: Final = counter(
    "filmgate_gangs_lost_total",
    "model shape",
    "Gangs that no longer report though none was to go: died, hung, or replaced by an upgrade.",
)
WANTED: Final = gauge(
    "filmgate_replicas_wanted", "model stage shape", "Replicas that there should be now."
)
READY: Final = gauge("filmgate_replicas_running", "model stage shape", "Replicas that serve.")
STARTING: Final = gauge(
    "filmgate_replicas_starting", "model stage shape", "Replicas that wait for room, or load."
)
LIMIT: Final = gauge(
    "filmgate_replicas_limit", "model stage shape", "Most replicas that the settings allow."
)
AT_LIMIT: Final = gauge(
    "filmgate_replicas_at_limit",
    "model stage shape",
    "1 where no replica can be added: as many as allowed are wanted, or the GPUs do not suffice.",
)
GPU_BUDGET: Final = gauge(
    "filmgate_gpu_budget", "", "GPUs that all replicas together may have; absent without a limit."
)
LOAD: Final = histogram(
    "filmgate_model_load_seconds",
    "model stage",
    "Cold starts: what a replica takes to load its part of the model, until it can serve.",
    LOAD_S,
)
EPOCH: Final = gauge(
    "filmgate_scheduler_epoch",
    "",
    "The epoch of the scheduler that speaks; a restart takes the next one.",
)
UP: Final = gauge(
    "filmgate_scheduler_up",
    "",
    "1 while the gateway that is scraped hears the scheduler, or the store tells that one works "
    "elsewhere; else 0.",
)
SNAPSHOT_AGE: Final = gauge(
    "filmgate_snapshot_age_seconds",
    "",
    "Since the gateway that is scraped last heard the scheduler.",
)
STORE_ERRORS: Final = counter(
    "filmgate_store_errors_total",
    "store role",
    "Calls of the job store or the artifact store that failed for who asked.",
)
ARTIFACTS_FREE: Final = gauge(
    "filmgate_artifacts_free_bytes", "", "Free disk below a local artifact store; absent for S3."
)
ARTIFACTS_LEAST: Final = gauge(
    "filmgate_artifacts_least_free_bytes", "", "With less free disk than this, jobs are refused."
)
BUILD: Final = gauge(
    "filmgate_build_info", "version", "Always 1; the label is what is interesting."
)
