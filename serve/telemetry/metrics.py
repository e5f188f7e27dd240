"""Measuring: what passes through the Scheduler becomes the metrics of the catalogue."""

from collections import Counter as Tally
from collections.abc import Collection, Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Protocol

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client import Metric as FamilyOfSamples
from prometheus_client.registry import Collector

from autoscaling.ordering import Waiting
from serve.telemetry.catalogue import cluster, jobs
from serve.telemetry.gauges import Levels, counter, histogram
from serve.telemetry.policy_metrics import PolicyMetrics
from serve.telemetry.size_class import size_class


class Failure(Protocol):
    """Why a job failed."""

    @property
    def code(self) -> str: ...


class Timings(Protocol):
    """What a job took, in seconds."""

    @property
    def denoise_s(self) -> float: ...


class Spec(Protocol):
    """What was asked for."""

    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...


class Job(Protocol):
    """What measuring reads of a job; times are Unix seconds."""

    @property
    def model(self) -> str: ...
    @property
    def tier(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def phase(self) -> str | None: ...
    @property
    def created_at(self) -> float: ...
    @property
    def started_at(self) -> float | None: ...
    @property
    def completed_at(self) -> float | None: ...
    @property
    def promised_by(self) -> float | None: ...
    @property
    def failure(self) -> Failure | None: ...
    @property
    def timings(self) -> Timings: ...
    @property
    def spec(self) -> Spec: ...


class Gang(Protocol):
    """What measuring reads of a gang: it is busy when it has a job."""

    @property
    def model(self) -> str: ...
    @property
    def shape(self) -> str: ...
    @property
    def job_id(self) -> str | None: ...


class Metrics:
    """Recorders over a registry of their own; whoever passes plain values on need not know it."""

    def __init__(self, tiers: Collection[str], models: Collection[str] = ()) -> None:
        """`tiers` as the settings order them, lowest first."""
        self._tiers = tuple(tiers)
        self._registry = registry = CollectorRegistry()
        self._ended = counter(jobs.ENDED, registry)
        self._wait = histogram(jobs.WAIT, registry)
        self._duration = histogram(jobs.DURATION, registry)
        self._stage = histogram(jobs.STAGE, registry)
        self._step = histogram(jobs.STEP, registry)
        self._gpu = counter(jobs.GPU_TIME, registry)
        self._encoder_hits = counter(jobs.CACHE_HITS, registry)
        self._encoder_misses = counter(jobs.CACHE_MISSES, registry)
        self._redone = counter(jobs.STEPS_REDONE, registry)
        self._waiting = Levels(jobs.WAITING, registry)
        self._backlog = Levels(jobs.BACKLOG, registry)
        self._running = Levels(jobs.RUNNING, registry)
        self._gangs = Levels(cluster.GANGS, registry)
        self._epoch = Levels(cluster.EPOCH, registry)
        self.policy = PolicyMetrics(registry, tiers, models)
        Levels(cluster.BUILD, registry).show({(_version(),): 1})

    def epoch(self, epoch: int) -> None:
        """The Scheduler has taken this epoch."""
        self._epoch.show({(): epoch})

    def observe(self, job: Job, stage: str, seconds: float, devices: int) -> None:
        """A stage of a job took that long on so many devices; `step` is one denoising step."""
        gpu_s = seconds * devices
        if stage == "step":
            self._step.labels(job.model).observe(seconds)
            self._gpu.labels(job.model, self._tier(job.tier), "denoise").inc(gpu_s)
            return
        self._stage.labels(job.model, stage).observe(seconds)
        self._gpu.labels(job.model, self._tier(job.tier), stage).inc(gpu_s)

    def encoded(self, job: Job, cached: bool) -> None:
        """A gang has got a job's conditioning; `cached` when the encoder had it already."""
        (self._encoder_hits if cached else self._encoder_misses).labels(job.model).inc()

    def redone(self, job: Job, steps: int) -> None:
        """An attempt went on from a checkpoint that lies this many finished steps back."""
        self._redone.labels(job.model).inc(max(0, steps))

    def finished(self, job: Job) -> None:
        """A job has ended; to be told once for each."""
        self.policy.finished(job)
        labels = (job.model, self._tier(job.tier))
        reason = job.failure.code if job.failure else "none"
        self._ended.labels(*labels, str(job.status), reason).inc()
        if job.started_at is not None:
            self._wait.labels(*labels).observe(max(0.0, job.started_at - job.created_at))
        if job.status == "completed":
            ended_at = job.completed_at or job.created_at
            self._duration.labels(*labels, size_class(job.spec.width, job.spec.height)).observe(
                max(0.0, ended_at - job.created_at)
            )
            self._stage.labels(job.model, "denoise").observe(job.timings.denoise_s)

    def queue(self, waiting: Iterable[Waiting]) -> None:
        """All jobs that wait now."""
        counts: Tally[tuple[str, ...]] = Tally()
        gpu_s: dict[tuple[str, ...], float] = {}
        for job in waiting:
            labels = (job.model, self._tier_of_rank(job.tier_rank))
            counts[labels] += 1
            gpu_s[labels] = gpu_s.get(labels, 0.0) + job.predicted_gpu_s
        self._waiting.show(counts)
        self._backlog.show(gpu_s)

    def running(self, jobs: Iterable[Job]) -> None:
        """All jobs in progress now."""
        self._running.show(Tally((job.model, str(job.phase or "starting")) for job in jobs))

    def gangs(self, gangs: Iterable[Gang]) -> None:
        """All gangs that report now."""
        self._gangs.show(
            Tally((gang.model, gang.shape, "busy" if gang.job_id else "free") for gang in gangs)
        )

    def exposition(self) -> bytes:
        """Everything in Prometheus' text format 0.0.4."""
        return generate_latest(_Essential(self._registry))

    def _tier(self, tier: str) -> str:
        """The tier, or `other` for one that the settings no longer have."""
        return tier if tier in self._tiers else "other"

    def _tier_of_rank(self, rank: int) -> str:
        return self._tiers[rank] if 0 <= rank < len(self._tiers) else "other"


class _Essential(Collector):
    """A registry without the `_created` series that the library adds to each of ours."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[FamilyOfSamples]:
        for family in self._registry.collect():
            family.samples = [s for s in family.samples if not s.name.endswith("_created")]
            yield family


def _version() -> str:
    try:
        return version("filmgate")
    except PackageNotFoundError:
        return "unknown"
