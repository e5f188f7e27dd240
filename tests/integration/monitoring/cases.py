"""For each alert, series that must make it fire, and some that look alike and must not.

Values are promtool's: `0+1x10` is eleven samples, each one more than the one before; `_x10` is ten
times nothing. There is a sample every minute.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from k8s import ray_series as ray
from k8s.promql import series
from serve.telemetry.catalogue import cluster, gate, gpus, jobs
from serve.telemetry.catalogue.metric import Metric

Samples = Mapping[str, str]
MODEL = {"model": "wan"}
GANG = {**MODEL, "shape": "tp2"}
GPU = {"node": "n1", "gpu": "0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`labels` are those of the alert that fires `at_min` minutes after the first sample."""

    alert: str
    fires: tuple[Samples, ...]
    quiet: tuple[Samples, ...]
    labels: Mapping[str, str]
    at_min: int = 60


def of(metric: Metric, **labels: str) -> str:
    """One series of the cluster `main`."""
    return series(metric, cluster="main", **labels)


PAYS = {of(gate.TIER_PAID, tier="pro"): "1x90", of(gate.TIER_PAID, tier="free"): "0x90"}
USERS = (
    Case(
        alert="PaidClipsLate",
        fires=(
            {of(gate.PAID_WAIT): "0.5x30 1.2x60"},
            {**PAYS, of(jobs.LATE, **MODEL, tier="pro"): "0x30 2x60"},
        ),
        quiet=(
            {of(gate.PAID_WAIT): "0.9x90"},
            {**PAYS, of(jobs.LATE, **MODEL, tier="free"): "9x90"},
            {of(gate.PAID_WAIT): "0.5x57 1.2x60"},
        ),
        labels={},
    ),
    Case(
        alert="PromiseBroken",
        fires=(
            {of(gate.PROMISES_ENDED, tier="free", outcome="broken"): "0x50 1x40"},
            {of(gate.PROMISES_ENDED, tier="free", outcome="broken"): "_x50 1x40"},
        ),
        quiet=(
            {of(gate.PROMISES_ENDED, tier="free", outcome="kept"): "0+5x90"},
            {of(gate.PROMISES_ENDED, tier="free", outcome="broken"): "7x90"},
            {of(gate.PROMISES_ENDED, tier="free", outcome="broken"): "7x42 _x3 7x50"},
        ),
        labels={"tier": "free"},
    ),
    Case(
        alert="ManyPromisesBroken",
        fires=(
            {
                of(gate.PROMISES_ENDED, tier="free", outcome="broken"): "0x30 0+1x60",
                of(gate.PROMISES_ENDED, tier="free", outcome="kept"): "0+1x90",
            },
        ),
        quiet=(
            {
                of(gate.PROMISES_ENDED, tier="free", outcome="broken"): "0x30 0+1x60",
                of(gate.PROMISES_ENDED, tier="free", outcome="kept"): "0+9x90",
            },
            {of(gate.PROMISES_ENDED, tier="free", outcome="broken"): "0x55 2x40"},
        ),
        labels={"tier": "free"},
    ),
    Case(
        alert="JobsFail",
        fires=(
            {
                of(jobs.ENDED, **MODEL, tier="pro", status="failed", reason="x"): "_x40 1+1x40",
                of(jobs.ENDED, **MODEL, tier="pro", status="completed", reason="none"): "0+4x90",
            },
        ),
        quiet=(
            {
                of(jobs.ENDED, **MODEL, tier="pro", status="failed", reason="x"): "0x40 0+1x50",
                of(jobs.ENDED, **MODEL, tier="pro", status="completed", reason="none"): "0+20x90",
            },
            {of(jobs.ENDED, **MODEL, tier="pro", status="failed", reason="x"): "_x50 2x40"},
            {of(jobs.ENDED, **MODEL, tier="pro", status="cancelled", reason="none"): "0+9x90"},
        ),
        labels=MODEL,
    ),
    Case(
        alert="BacklogGrowsAtCapacity",
        fires=(
            {
                of(jobs.BACKLOG, **MODEL, tier="free"): "0+100x90",
                of(cluster.AT_LIMIT, **GANG, stage="denoise"): "1x90",
                of(gate.DRAIN, tier="free"): "2000x90",
                of(gate.DRAIN_TARGET): "300x90",
            },
        ),
        quiet=(
            {
                of(jobs.BACKLOG, **MODEL, tier="free"): "0+100x90",
                of(cluster.AT_LIMIT, **GANG, stage="denoise"): "0x90",
                of(gate.DRAIN, tier="free"): "2000x90",
                of(gate.DRAIN_TARGET): "300x90",
            },
            {
                of(jobs.BACKLOG, **MODEL, tier="free"): "9000-100x90",
                of(cluster.AT_LIMIT, **GANG, stage="denoise"): "1x90",
                of(gate.DRAIN, tier="free"): "2000x90",
                of(gate.DRAIN_TARGET): "300x90",
            },
        ),
        labels=MODEL,
    ),
    Case(
        alert="GpusIdleWhileJobsWait",
        fires=(
            {
                of(cluster.GANGS, **GANG, state="free"): "2x90",
                of(jobs.WAITING, **MODEL, tier="pro"): "3x90",
                of(jobs.STARTS, **MODEL, tier="pro", outcome="in_time"): "0+1x20 20x70",
            },
        ),
        quiet=(
            {
                of(cluster.GANGS, **GANG, state="free"): "2x90",
                of(jobs.WAITING, **MODEL, tier="pro"): "3x90",
                of(jobs.STARTS, **MODEL, tier="pro", outcome="in_time"): "0+1x90",
            },
            {
                of(cluster.GANGS, **GANG, state="free"): "2x90",
                of(jobs.WAITING, **MODEL, tier="pro"): "0x90",
            },
        ),
        labels=MODEL,
    ),
)
MACHINES = (
    Case(
        alert="GangFlapping",
        fires=(
            {
                of(cluster.GANGS_LOST, **GANG): "_x40 1 1 2 2 3x50",
                of(cluster.GANGS_STARTED, **GANG): "2x40 3 3 4 4 5x50",
            },
        ),
        quiet=(
            {
                of(cluster.GANGS_LOST, **GANG): "0x40 1 2 3 4x50",
                of(cluster.GANGS_STARTED, **GANG): "4x90",
            },
        ),
        labels=GANG,
    ),
    Case(
        alert="GpuMemoryNearlyFull",
        fires=({of(gpus.MEMORY_USED, **GPU): "79e9x90", of(gpus.MEMORY_TOTAL, **GPU): "80e9x90"},),
        quiet=({of(gpus.MEMORY_USED, **GPU): "76e9x90", of(gpus.MEMORY_TOTAL, **GPU): "80e9x90"},),
        labels=GPU,
    ),
    Case(
        alert="GpuXidError",
        fires=({of(gpus.XID_ERRORS, **GPU): "0x50 1x40", of(gpus.LAST_XID, **GPU): "_x50 79x40"},),
        quiet=(
            {of(gpus.XID_ERRORS, **GPU): "0x50 1x40", of(gpus.LAST_XID, **GPU): "_x50 31x40"},
            {of(gpus.XID_ERRORS, **GPU): "1x90", of(gpus.LAST_XID, **GPU): "79x90"},
        ),
        labels=GPU,
    ),
    Case(
        alert="ArtifactsDiskNearlyFull",
        fires=({of(cluster.ARTIFACTS_FREE): "2e9x90", of(cluster.ARTIFACTS_LEAST): "1e9x90"},),
        quiet=(
            {of(cluster.ARTIFACTS_FREE): "9e9x90", of(cluster.ARTIFACTS_LEAST): "1e9x90"},
            {of(cluster.ARTIFACTS_LEAST): "1e9x90"},
        ),
        labels={},
    ),
    Case(
        alert="NodeDiskNearlyFull",
        fires=({of(ray.NODE_DISK_FREE, ip="a"): "5x90", of(ray.NODE_DISK_USED, ip="a"): "95x90"},),
        quiet=({of(ray.NODE_DISK_FREE, ip="a"): "50x90", of(ray.NODE_DISK_USED, ip="a"): "50x90"},),
        labels={"ip": "a"},
    ),
)
SERVICE = (
    Case(
        alert="SchedulerAbsent",
        fires=({of(cluster.UP): "1x50 0x40"},),
        quiet=({of(cluster.UP): "1x90"}, {of(cluster.UP): "1x58 0 1x30"}),
        labels={},
    ),
    Case(
        alert="NotScraped",
        fires=({of(cluster.UP): "1x40"},),
        quiet=({of(cluster.UP): "1x90"}, {of(cluster.UP): "0x90"}),
        labels={},
    ),
    Case(
        alert="SchedulerRestarts",
        fires=({of(cluster.EPOCH): "1x40 2 2 3 3 4x50"},),
        quiet=({of(cluster.EPOCH): "1x40 2x50"},),
        labels={},
    ),
    Case(
        alert="StoreErrors",
        fires=(
            {of(cluster.STORE_ERRORS, store="jobs", role="gateway"): "_x52 1 2 3x40"},
            {of(cluster.STORE_ERRORS, store="jobs", role="scheduler"): "0x50 0+1x40"},
        ),
        quiet=(
            {of(cluster.STORE_ERRORS, store="jobs", role="gateway"): "9x90"},
            {of(cluster.STORE_ERRORS, store="jobs", role="gateway"): "_x52 1 2x40"},
        ),
        labels={"store": "jobs"},
    ),
)
CASES = (*USERS, *MACHINES, *SERVICE)
