"""What replicas have told of themselves lately: each GPU once, and what it is busy with. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from serve.messages import LeaseReport, StageReport
from serve.telemetry.gpu_reading import GpuReading

PHASES: Final = ("idle", "encode", "decode", "denoise")
"""On a GPU that several replicas share, a later one of these hides those before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenReplica:
    """A replica of a stage; `phase` is what it does now."""

    replica: str
    node: str
    pid: int
    model: str
    stage: str
    shape: str | None
    phase: str
    ready_at: float
    load_s: float
    gpus: tuple[GpuReading, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenGpu:
    """A GPU, and the replicas on it; the reading is that of `reader`, the first of them."""

    node: str
    reading: GpuReading
    phase: str
    reader: str
    replicas: tuple[str, ...]
    models: tuple[str, ...]
    gangs: tuple[tuple[str, str], ...]
    """Model and shape of each gang that it is part of."""


class StageReplicas:
    """Encoders and decoders that have reported lately; `now` is an argument, of any clock."""

    def __init__(self, *, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._reports: dict[str, tuple[float, StageReport]] = {}

    def report(self, report: StageReport, now: float) -> None:
        """Take note of what a replica says."""
        self._reports[report.replica] = now, report

    def fresh(self, now: float) -> list[StageReport]:
        """Of those that have not fallen silent."""
        since = now - self._timeout_s
        self._reports = {name: told for name, told in self._reports.items() if told[0] >= since}
        return [report for _, report in self._reports.values()]


def seen_replicas(
    gangs: Iterable[LeaseReport], stages: Iterable[StageReport]
) -> tuple[SeenReplica, ...]:
    """All that tell how they do."""
    of_gangs = (_gang(each) for each in gangs)
    return (*(each for each in of_gangs if each is not None), *map(_stage, stages))


def seen_gpus(replicas: Iterable[SeenReplica]) -> tuple[SeenGpu, ...]:
    """Each GPU once, however many replicas read it."""
    found: dict[tuple[str, str], SeenGpu] = {}
    for replica in sorted(replicas, key=lambda each: each.ready_at):
        for reading in replica.gpus:
            key = (replica.node, reading.gpu)
            gpu = _alone(replica, reading)
            found[key] = _with(found[key], gpu) if key in found else gpu
    return tuple(found[key] for key in sorted(found))


def _gang(report: LeaseReport) -> SeenReplica | None:
    if (vitals := report.vitals) is None:
        return None
    return SeenReplica(
        replica=report.replica,
        node=vitals.node,
        pid=report.pid,
        model=report.model,
        stage="denoise",
        shape=report.shape,
        phase="denoise" if report.holding else "idle",
        ready_at=vitals.ready_at,
        load_s=vitals.load_s,
        gpus=vitals.gpus,
    )


def _stage(report: StageReport) -> SeenReplica:
    vitals = report.vitals
    return SeenReplica(
        replica=report.replica,
        node=vitals.node,
        pid=report.pid,
        model=report.model,
        stage=report.stage,
        shape=None,
        phase=report.stage if report.at_work else "idle",
        ready_at=vitals.ready_at,
        load_s=vitals.load_s,
        gpus=vitals.gpus,
    )


def _alone(replica: SeenReplica, reading: GpuReading) -> SeenGpu:
    return SeenGpu(
        node=replica.node,
        reading=reading,
        phase=replica.phase,
        reader=replica.replica,
        replicas=(replica.replica,),
        models=(replica.model,),
        gangs=((replica.model, replica.shape),) if replica.shape is not None else (),
    )


def _with(gpu: SeenGpu, other: SeenGpu) -> SeenGpu:
    return replace(
        gpu,
        phase=max(gpu.phase, other.phase, key=PHASES.index),
        replicas=(*gpu.replicas, *other.replicas),
        models=tuple(dict.fromkeys((*gpu.models, *other.models))),
        gangs=tuple(dict.fromkeys((*gpu.gangs, *other.gangs))),
    )
