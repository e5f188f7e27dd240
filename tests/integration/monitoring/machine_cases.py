"""Cases of the alerts on what makes the clips."""

from k8s import ray_series as ray
from k8s.alerts.machines import OF_THE_PROGRAM
from serve.telemetry.catalogue import cluster, gpus, jobs
from tests.integration.monitoring.case import GANG, GPU, MODEL, Case, of, old

DENOISE = {**GANG, "stage": "denoise"}
DECODE = {**MODEL, "stage": "decode", "shape": ""}
WAITS = {of(jobs.WAITING, **MODEL, tier="pro"): "3x90"}
LOST, STARTED = of(cluster.GANGS_LOST, **GANG), of(cluster.GANGS_STARTED, **GANG)
FOUR = "0x40 1 2 3 4x50"
MACHINES = (
    Case(
        alert="ReplicasMissing",
        fires=(
            {**WAITS, of(cluster.WANTED, **DENOISE): "2x90", of(cluster.READY, **DENOISE): "1x90"},
            {**WAITS, of(cluster.WANTED, **DENOISE): "2x90"},
        ),
        quiet=(
            {
                of(jobs.WAITING, **MODEL, tier="pro"): "0x90",
                of(cluster.WANTED, **DENOISE): "2x90",
                of(cluster.READY, **DENOISE): "1x90",
            },
            {**WAITS, of(cluster.WANTED, **DENOISE): "2x90", of(cluster.READY, **DENOISE): "2x90"},
            {**WAITS, of(cluster.WANTED, **DENOISE): "0x90", of(cluster.READY, **DENOISE): "0x90"},
            {**WAITS, of(cluster.WANTED, **DECODE): "2x90", of(cluster.READY, **DECODE): "1x90"},
            {
                **WAITS,
                of(cluster.WANTED, **DENOISE): "1x41 2x50",
                of(cluster.READY, **DENOISE): "1x90",
            },
        ),
        labels={**MODEL, "stage": "denoise"},
    ),
    Case(
        alert="ReplicasMissing",
        fires=(
            {**WAITS, of(cluster.WANTED, **DECODE): "2x90", of(cluster.READY, **DECODE): "0x90"},
        ),
        quiet=(),
        labels={**MODEL, "stage": "decode"},
    ),
    Case(
        alert="GangFlapping",
        fires=(
            {
                LOST: "_x40 1 1 2 2 3x50",
                STARTED: "2x40 3 3 4 4 5x50",
            },
        ),
        quiet=(
            *({LOST: FOUR, STARTED: others} for others in ("4x90", "4x42 5 6x50")),
            *({LOST: others, STARTED: FOUR} for others in ("4x90", "4x42 5 6x50")),
        ),
        labels=GANG,
    ),
    Case(
        alert="GpuMemoryNearlyFull",
        fires=({of(gpus.MEMORY_USED, **GPU): "79e9x90", of(gpus.MEMORY_TOTAL, **GPU): "80e9x90"},),
        quiet=(
            {of(gpus.MEMORY_USED, **GPU): "76e9x90", of(gpus.MEMORY_TOTAL, **GPU): "80e9x90"},
            {of(gpus.MEMORY_USED, **GPU): "0x47 79e9x40", of(gpus.MEMORY_TOTAL, **GPU): "80e9x90"},
        ),
        labels=GPU,
    ),
    Case(
        alert="GpuXidError",
        fires=({of(gpus.XID_ERRORS, **GPU): "0x50 1x40", of(gpus.LAST_XID, **GPU): "_x50 79x40"},),
        quiet=(
            *(
                {
                    of(gpus.XID_ERRORS, **GPU): "0x50 1x40",
                    of(gpus.LAST_XID, **GPU): f"_x50 {xid}x40",
                }
                for xid in OF_THE_PROGRAM
            ),
            {of(gpus.XID_ERRORS, **GPU): "1x90", of(gpus.LAST_XID, **GPU): "79x90"},
            *(
                {of(gpus.LAST_XID, **GPU): "79x90", **samples}
                for samples in old(of(gpus.XID_ERRORS, **GPU), 1)
            ),
        ),
        labels=GPU,
    ),
    Case(
        alert="ArtifactsDiskNearlyFull",
        fires=({of(cluster.ARTIFACTS_FREE): "2e9x90", of(cluster.ARTIFACTS_LEAST): "1e9x90"},),
        quiet=(
            {of(cluster.ARTIFACTS_FREE): "4e9x90", of(cluster.ARTIFACTS_LEAST): "1e9x90"},
            {of(cluster.ARTIFACTS_FREE): "9e9x56 2e9x40", of(cluster.ARTIFACTS_LEAST): "1e9x90"},
            {of(cluster.ARTIFACTS_LEAST): "1e9x90"},
        ),
        labels={},
    ),
    Case(
        alert="NodeDiskNearlyFull",
        fires=({of(ray.NODE_DISK_FREE, ip="a"): "5x90", of(ray.NODE_DISK_USED, ip="a"): "95x90"},),
        quiet=(
            {of(ray.NODE_DISK_FREE, ip="a"): "15x90", of(ray.NODE_DISK_USED, ip="a"): "85x90"},
            {of(ray.NODE_DISK_FREE, ip="a"): "50x47 5x40", of(ray.NODE_DISK_USED, ip="a"): "90x90"},
        ),
        labels={"ip": "a"},
    ),
)
