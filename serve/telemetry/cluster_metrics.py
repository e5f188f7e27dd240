"""Measuring what clips are made with: gangs, replicas, stores."""

from collections import Counter as Tally
from collections.abc import Iterable, Mapping
from typing import Literal, Protocol

from prometheus_client import CollectorRegistry

from serve.telemetry.catalogue import cluster
from serve.telemetry.gauges import Levels, Readings, counter, histogram
from serve.telemetry.planned_stops import Kind, PlannedStops

Store = Literal["jobs", "artifacts"]
Role = Literal["gateway", "scheduler"]


class Gang(Protocol):
    """What measuring reads of a gang: it is busy when it has a job."""

    @property
    def replica(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def shape(self) -> str: ...
    @property
    def job_id(self) -> str | None: ...


class CameUp(Protocol):
    """A replica of a stage, and how it came up; `ready_at` in Unix seconds."""

    @property
    def replica(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def stage(self) -> str: ...
    @property
    def ready_at(self) -> float: ...
    @property
    def load_s(self) -> float: ...


class PoolCount(Protocol):
    """The replicas of one stage of a model, in one shape."""

    @property
    def model(self) -> str: ...
    @property
    def stage(self) -> str: ...
    @property
    def shape(self) -> str | None: ...
    @property
    def wanted(self) -> int: ...
    @property
    def running(self) -> int: ...
    @property
    def starting(self) -> int: ...
    @property
    def most(self) -> int: ...
    @property
    def at_limit(self) -> bool: ...


class ClusterMetrics:
    """Recorders over the registry of `Metrics`. What was up at `began_at` did not come up since."""

    def __init__(self, registry: CollectorRegistry, began_at: float) -> None:
        self._began_at = began_at
        self._gangs = Levels(cluster.GANGS, registry)
        self._started = counter(cluster.GANGS_STARTED, registry)
        self._lost = counter(cluster.GANGS_LOST, registry)
        self._load = histogram(cluster.LOAD, registry)
        self._wanted = Readings(cluster.WANTED, registry)
        self._ready = Readings(cluster.READY, registry)
        self._starting = Readings(cluster.STARTING, registry)
        self._limit = Readings(cluster.LIMIT, registry)
        self._at_limit = Readings(cluster.AT_LIMIT, registry)
        self._budget = Readings(cluster.GPU_BUDGET, registry)
        self._errors = counter(cluster.STORE_ERRORS, registry)
        self._free = Readings(cluster.ARTIFACTS_FREE, registry)
        self._least = Readings(cluster.ARTIFACTS_LEAST, registry)
        self._known: dict[str, Gang] = {}
        self._stops = PlannedStops()
        self._up: frozenset[str] = frozenset()
        for store in ("jobs", "artifacts"):
            for role in ("gateway", "scheduler"):
                self._errors.labels(store, role)

    def gangs(self, gangs: Iterable[Gang]) -> None:
        """All gangs that report now; those that did and do not any more are lost, or were to go."""
        now = {gang.replica: gang for gang in gangs}
        for gang in now.values():
            self._lost.labels(gang.model, gang.shape)  # at 0, so that the first loss is seen
        gone = [self._known[replica] for replica in self._known.keys() - now.keys()]
        for kind, count in _kinds(gone).items():
            self._lost.labels(*kind).inc(self._stops.lost(kind, count))
        self._known = now
        self._gangs.show(
            Tally((g.model, g.shape, "busy" if g.job_id else "free") for g in now.values())
        )

    def came_up(self, replicas: Iterable[CameUp], shapes: Mapping[str, str]) -> None:
        """All stage replicas that report now; `shapes` of those that are gangs."""
        now = {each.replica: each for each in replicas}
        for replica in now.keys() - self._up:
            each = now[replica]
            if each.ready_at < self._began_at:
                continue
            self._load.labels(each.model, each.stage).observe(each.load_s)
            if replica in shapes:
                self._started.labels(each.model, shapes[replica]).inc()
        self._up = frozenset(now)

    def pools(self, pools: Iterable[PoolCount], budget_gpus: float | None) -> None:
        """How many replicas there are, and should be; the GPUs that all may have."""
        of = {(pool.model, pool.stage, pool.shape or ""): pool for pool in pools}
        gangs = {(p.model, p.shape): p.wanted for p in of.values() if p.shape is not None}
        self._stops.wanted(gangs, _kinds(self._known.values()))
        self._wanted.show({labels: pool.wanted for labels, pool in of.items()})
        self._ready.show({labels: pool.running for labels, pool in of.items()})
        self._starting.show({labels: pool.starting for labels, pool in of.items()})
        self._limit.show({labels: pool.most for labels, pool in of.items()})
        self._at_limit.show({labels: pool.at_limit for labels, pool in of.items()})
        self._budget.show({(): budget_gpus})

    def store_errors(self, store: Store, role: Role, count: int) -> None:
        """So many more calls failed."""
        self._errors.labels(store, role).inc(count)

    def disk(self, free_bytes: int | None, least_bytes: int) -> None:
        """Below the artifact store; None where that is no local folder."""
        self._free.show({(): free_bytes})
        self._least.show({(): least_bytes})


def _kinds(gangs: Iterable[Gang]) -> dict[Kind, int]:
    """How many there are of each."""
    return Tally((gang.model, gang.shape) for gang in gangs)
