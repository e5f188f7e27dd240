"""The Scheduler's picture of everything, as GET /v1/load tells it. Pure: values in, one out."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from autoscaling.admission import Situation
from autoscaling.ordering import Waiting
from serve.gateway.views.load_view import (
    LoadGang,
    LoadGpu,
    LoadJob,
    LoadPool,
    LoadQueue,
    LoadTier,
    LoadTotals,
    LoadView,
)
from serve.jobs.gate_status import GateStatus
from serve.jobs.job import Job
from serve.messages import Snapshot
from serve.watching.failures import Failures
from serve.watching.pool_counts import PoolCount
from serve.watching.seen import SeenGpu, SeenReplica


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What is known at one moment; the snapshot is what Gateways are told of it."""

    at: float
    version: str
    snapshot: Snapshot
    waiting: Mapping[str, Job]
    deferred: Mapping[str, Job]
    running: Collection[Job]
    ordered: Sequence[Waiting]
    replicas: Sequence[SeenReplica]
    gpus: Sequence[SeenGpu]
    pools: Sequence[PoolCount]
    gpu_budget: float | None
    gates: GateStatus | None
    failures: Failures


def load_view(picture: Picture) -> LoadView:
    """The page's one JSON."""
    sight, gates = picture.snapshot.situation, picture.gates
    running = {job.id: _job(job, picture.snapshot) for job in picture.running}
    held = {gang.job_id for gang in picture.snapshot.gangs}
    queues = _queues(picture)
    return LoadView(
        at=picture.at,
        version=picture.version,
        epoch=picture.snapshot.epoch,
        gpus_counted=sight.load.gpus if sight else 0.0,
        drain_seconds=gates.drain_s if gates else None,
        drain_target_seconds=sight.rules.saturation.drain_target_s if sight else None,
        paid_wait=_bounded(sight.load.paid_wait) if sight else None,
        promise_pressure=gates.promise_pressure if gates else None,
        gpu_budget=picture.gpu_budget,
        totals=_totals(picture, queues),
        gpus=[_gpu(gpu) for gpu in picture.gpus],
        gangs=_gangs(picture, running),
        elsewhere=[job for job_id, job in running.items() if job_id not in held],
        tiers=_tiers(sight, gates) if sight and gates else [],
        queues=queues,
        replicas=[_pool(pool) for pool in picture.pools],
        failures=picture.failures.newest(),
    )


def _job(job: Job, snapshot: Snapshot) -> LoadJob:
    return LoadJob(
        id=job.id,
        model=job.model,
        tier=job.tier,
        phase=job.phase.value if job.phase else "starting",
        step=job.step,
        steps=job.spec.steps,
        attempt=job.attempt,
        started_at=job.started_at,
        eta_seconds=snapshot.running_eta_s.get(job.id),
    )


def _gangs(picture: Picture, running: Mapping[str, LoadJob]) -> list[LoadGang]:
    seen = {replica.replica: replica for replica in picture.replicas}
    found = []
    for gang in picture.snapshot.gangs:
        known = seen.get(gang.replica)
        found.append(
            LoadGang(
                replica=gang.replica,
                node=known.node if known else None,
                pid=gang.pid,
                model=gang.model,
                shape=gang.shape,
                devices=gang.devices,
                attention=gang.attention,
                ready_at=known.ready_at if known else None,
                job=running.get(gang.job_id or ""),
            )
        )
    return found


def _gpu(gpu: SeenGpu) -> LoadGpu:
    read = gpu.reading
    return LoadGpu.model_validate(
        {
            "node": gpu.node,
            "gpu": read.gpu,
            "name": read.name,
            "phase": gpu.phase,
            "utilisation": read.utilisation,
            "memory_used_bytes": read.memory_used_bytes,
            "memory_total_bytes": read.memory_total_bytes,
            "power_watts": read.power_w,
            "power_limit_watts": read.power_limit_w,
            "temperature_celsius": read.temperature_c,
            "throttled": None if read.throttled is None else list(read.throttled),
            "xid_errors": read.xid_errors,
            "last_xid": read.last_xid,
            "models": list(gpu.models),
            "replicas": list(gpu.replicas),
        }
    )


def _pool(pool: PoolCount) -> LoadPool:
    names = LoadPool.model_fields
    return LoadPool.model_validate({name: getattr(pool, name) for name in names})


def _tiers(sight: Situation, gates: GateStatus) -> list[LoadTier]:
    tiers = sight.rules.tiers
    return [
        LoadTier.model_validate(
            {
                "tier": row.name,
                "paid": tiers[rank].paid,
                "gate": "closed" if sight.switches.least_rate(rank, tiers) <= 0 else row.gate,
                "saturation": row.saturation,
                "turned_aside": row.aside,
                "offered": row.offered,
                "drain_seconds": row.drain_s,
                "waiting": row.waiting,
                "running": row.running,
                "deferred": row.deferred,
                "promised_gpu_seconds": row.promised_gpu_s,
            }
        )
        for rank, row in enumerate(gates.tiers)
    ]


def _queues(picture: Picture) -> list[LoadQueue]:
    """By model and tier, in the order in which their first jobs stand."""
    found: dict[tuple[str, str], LoadQueue] = {}
    for waiting in picture.ordered:
        if (job := picture.waiting.get(waiting.job_id)) is None:
            continue
        empty = LoadQueue(
            model=job.model,
            tier=job.tier,
            waiting=0,
            late=0,
            gpu_seconds=0.0,
            oldest_wait_seconds=0.0,
            eta_seconds=None,
        )
        queue = found.setdefault((job.model, job.tier), empty)
        since = job.suspended_at or job.released_at or job.created_at
        place = picture.snapshot.places.get(job.id)
        queue.waiting += 1
        queue.late += picture.at + waiting.standalone_s > waiting.deadline
        queue.gpu_seconds += waiting.predicted_gpu_s
        queue.oldest_wait_seconds = max(queue.oldest_wait_seconds, picture.at - since)
        if place is not None and place.eta_s is not None:
            queue.eta_seconds = max(queue.eta_seconds or 0.0, place.eta_s)
    return list(found.values())


def _totals(picture: Picture, queues: Sequence[LoadQueue]) -> LoadTotals:
    gangs = picture.snapshot.gangs
    completed, failed = picture.failures.counts(picture.at)
    return LoadTotals(
        waiting=len(picture.waiting),
        running=len(picture.running),
        deferred=len(picture.deferred),
        gangs=len(gangs),
        gangs_busy=sum(gang.job_id is not None for gang in gangs),
        oldest_wait_seconds=max((queue.oldest_wait_seconds for queue in queues), default=0.0),
        completed=completed,
        failed=failed,
    )


def _bounded(value: float) -> float | None:
    """JSON has no infinity."""
    return value if isfinite(value) else None
