"""Recording rules: what alerts and dashboards both ask for, worked out once.

A name is `level:metric:operation` with the times of a service in production.
"""

from typing import Final

from k8s.alerts.rule import Pace, Recording
from k8s.promql import grown, quantile, ratio, series, total
from serve.telemetry.catalogue import cluster, gate, gpus, jobs

PAID_LATE: Final = "cluster:filmgate_jobs_late:paid"
WAIT_P95: Final = "cluster_tier:filmgate_job_wait_seconds:p95_10m"
BACKLOG: Final = "cluster_model:filmgate_backlog_gpu_seconds:sum"
FAILED: Final = "cluster_model:filmgate_jobs_ended:failed_15m"
FAILED_RATIO: Final = "cluster_model:filmgate_jobs_ended:failed_ratio_15m"
PROMISES_BROKEN: Final = "cluster_tier:filmgate_promises_ended:broken_15m"
PROMISES_BROKEN_RATIO: Final = "cluster_tier:filmgate_promises_ended:broken_ratio_1h"
GANGS_FREE: Final = "cluster_model:filmgate_gangs:free"
GPU_MEMORY: Final = "cluster_node_gpu:filmgate_gpu_memory:used_ratio"
ARTIFACTS_ROOM: Final = "cluster:filmgate_artifacts_free:times_least"


def recordings(pace: Pace) -> tuple[Recording, ...]:
    """All of them; none is made of another."""
    paid = total(series(gate.TIER_PAID), "cluster", "tier", how="max")
    late = f"{series(jobs.LATE)} * on (cluster, tier) group_left () {paid}"
    tiers, models, gpu = ("cluster", "tier"), ("cluster", "model"), ("cluster", "node", "gpu")
    used = total(series(gpus.MEMORY_USED), *gpu, how="max")
    ended = total(grown(series(jobs.ENDED), pace(900)), *models)
    failed = total(grown(series(jobs.ENDED, status="failed"), pace(900)), *models)
    broken = series(gate.PROMISES_ENDED, outcome="broken")
    free = total(series(cluster.ARTIFACTS_FREE), "cluster", how="min")
    found = {
        PAID_LATE: total(late, "cluster"),
        WAIT_P95: quantile(0.95, series(jobs.WAIT, "bucket"), *tiers, over=pace(600)),
        BACKLOG: total(series(jobs.BACKLOG), *models),
        FAILED: failed,
        FAILED_RATIO: ratio(f"({failed} or 0 * {ended})", ended),
        PROMISES_BROKEN: total(grown(broken, pace(900)), *tiers),
        PROMISES_BROKEN_RATIO: ratio(
            total(grown(broken, pace(3600)), *tiers),
            total(grown(series(gate.PROMISES_ENDED), pace(3600)), *tiers),
        ),
        GANGS_FREE: total(series(cluster.GANGS, state="free"), *models),
        GPU_MEMORY: f"{used} / {total(series(gpus.MEMORY_TOTAL), *gpu, how='max')}",
        ARTIFACTS_ROOM: f"{free} / {total(series(cluster.ARTIFACTS_LEAST), 'cluster', how='max')}",
    }
    return tuple(Recording(name=name, expression=text) for name, text in found.items())
