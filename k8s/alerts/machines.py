"""Alerts on what makes the clips: gangs, GPUs and disks."""

from typing import Final

from k8s.alerts import recordings as recorded
from k8s.alerts.rule import Alert, Pace
from k8s.promql import grown, series, total
from k8s.ray_series import NODE_DISK_FREE, NODE_DISK_USED
from serve.telemetry.catalogue import cluster, gpus, jobs

OF_THE_PROGRAM: Final = (13, 31, 43, 45)
"""Errors that a program causes, not the device: of memory it does not own, or killed midway."""


def machines(pace: Pace) -> tuple[Alert, ...]:
    return (_missing(), _flapping(pace), _memory(), _xid(pace), *_disks())


def _missing() -> Alert:
    """Of gangs each counts, of the other stages one that runs is enough to go on. Where none has
    ever run there may be no series of those that run."""
    stages = ("cluster", "model", "stage")
    wanted = total(series(cluster.WANTED), *stages)
    running = f"({total(series(cluster.READY), *stages)} or 0 * {wanted})"
    some = total(series(cluster.READY, stage="encode|decode"), *stages)
    return Alert(
        name="ReplicasMissing",
        expression=f"{wanted} > {running} unless {some} > 0 "
        f"and on (cluster, model) {total(series(jobs.WAITING), 'cluster', 'model')} > 0",
        for_s=1200,
        severity="critical",
        summary="{{ $labels.model }} waits for replicas to {{ $labels.stage }}",
        description="{{ $value }} should run on {{ $labels.cluster }}, and for twice as long as a "
        "cold start may take fewer have, while jobs wait.",
    )


def _flapping(pace: Pace) -> Alert:
    gangs = ("cluster", "model", "shape")
    lost = total(grown(series(cluster.GANGS_LOST), pace(1800)), *gangs)
    started = total(grown(series(cluster.GANGS_STARTED), pace(1800)), *gangs)
    return Alert(
        name="GangFlapping",
        expression=f"{lost} >= 3 and {started} >= 3",
        for_s=0,
        severity="critical",
        summary="Gangs of {{ $labels.model }} ({{ $labels.shape }}) come and go",
        description="{{ $value | humanize }} gangs of {{ $labels.cluster }} were lost and replaced "
        "in half an hour: each time, steps are done again.",
    )


def _memory() -> Alert:
    return Alert(
        name="GpuMemoryNearlyFull",
        expression=f"{recorded.GPU_MEMORY} > 0.97",
        for_s=900,
        severity="warning",
        summary="GPU {{ $labels.gpu }} of {{ $labels.node }} is nearly out of memory",
        description="{{ $value | humanizePercentage }} of its memory has been in use for a quarter "
        "of an hour: the next larger clip may not fit.",
    )


def _xid(pace: Pace) -> Alert:
    gpu = ("cluster", "node", "gpu")
    new = total(grown(series(gpus.XID_ERRORS), pace(900)), *gpu)
    last = total(series(gpus.LAST_XID), *gpu, how="max")
    of_the_device = " ".join(f"!= {xid}" for xid in OF_THE_PROGRAM)
    return Alert(
        name="GpuXidError",
        expression=f"{last} {of_the_device} and {new} > 0",
        for_s=0,
        severity="critical",
        summary="GPU {{ $labels.gpu }} of {{ $labels.node }} reports XID {{ $value }}",
        description="The driver of {{ $labels.cluster }} reported an error of the hardware in the "
        "last quarter of an hour.",
    )


def _disks() -> tuple[Alert, ...]:
    free = total(series(NODE_DISK_FREE), "cluster", "ip", how="min")
    used = total(series(NODE_DISK_USED), "cluster", "ip", how="max")
    return (
        Alert(
            name="ArtifactsDiskNearlyFull",
            expression=f"{recorded.ARTIFACTS_ROOM} < 3",
            for_s=300,
            severity="critical",
            summary="The disk of the clips is nearly full ({{ $labels.cluster }})",
            description="Free is {{ $value | humanize }} times the space below which new jobs are "
            "refused.",
        ),
        Alert(
            name="NodeDiskNearlyFull",
            expression=f"{free} / ({free} + {used}) < 0.1",
            for_s=900,
            severity="warning",
            summary="The disk of node {{ $labels.ip }} is nearly full",
            description="{{ $value | humanizePercentage }} of Ray's disk is free: logs and spilled "
            "objects go there.",
        ),
    )
