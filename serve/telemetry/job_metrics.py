"""Measuring jobs: what they wait for, what they take, how they end, and what was in vain."""

from collections.abc import Collection
from typing import Protocol

from prometheus_client import CollectorRegistry

from serve.telemetry.catalogue import jobs
from serve.telemetry.gauges import counter, histogram
from serve.telemetry.size_class import size_class

IN_TIME, LATE = "in_time", "late"


class Failure(Protocol):
    """Why a job failed."""

    @property
    def code(self) -> str: ...


class Timings(Protocol):
    """What a job took, in seconds."""

    @property
    def encode_s(self) -> float: ...
    @property
    def denoise_s(self) -> float: ...
    @property
    def decode_s(self) -> float: ...
    @property
    def gpu_s(self) -> float: ...


class Spec(Protocol):
    """What was asked for."""

    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def num_frames(self) -> int: ...
    @property
    def fps(self) -> int: ...


class Job(Protocol):
    """What measuring reads of a job; times are Unix seconds. Its id is remembered, never shown."""

    @property
    def id(self) -> str: ...
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


class JobMetrics:
    """Recorders over the registry of `Metrics`; tiers as the settings have them."""

    def __init__(self, registry: CollectorRegistry, tiers: Collection[str]) -> None:
        self._tiers = frozenset(tiers)
        self._ended = counter(jobs.ENDED, registry)
        self._starts = counter(jobs.STARTS, registry)
        self._clips = counter(jobs.CLIPS, registry)
        self._wait = histogram(jobs.WAIT, registry)
        self._duration = histogram(jobs.DURATION, registry)
        self._stage = histogram(jobs.STAGE, registry)
        self._step = histogram(jobs.STEP, registry)
        self._realtime = histogram(jobs.REALTIME, registry)
        self._video = counter(jobs.VIDEO, registry)
        self._broken = counter(jobs.BROKEN, registry)
        self._suspended = counter(jobs.SUSPENSIONS, registry)
        self._resumed = counter(jobs.RESUMES, registry)
        self._redone = counter(jobs.STEPS_REDONE, registry)
        self._gpu = counter(jobs.GPU_TIME, registry)
        self._wasted = counter(jobs.GPU_WASTED, registry)
        self._cache_hits = counter(jobs.CACHE_HITS, registry)
        self._cache_misses = counter(jobs.CACHE_MISSES, registry)
        self._redone_gpu_s: dict[str, float] = {}

    def began(self, job: Job, *, in_time: bool) -> None:
        """A job's first attempt begins; `in_time` if its clip can still be there when it should."""
        model, tier = self._of(job)
        self._starts.labels(model, tier, IN_TIME if in_time else LATE).inc()
        if job.started_at is not None:
            self._wait.labels(model, tier).observe(max(0.0, job.started_at - job.created_at))

    def observe(self, job: Job, stage: str, seconds: float, devices: int) -> None:
        """A stage of a job took that long on so many devices; `step` is one denoising step."""
        model, tier = self._of(job)
        if stage == "step":
            self._step.labels(model).observe(seconds)
            stage = "denoise"
        else:
            self._stage.labels(model, stage).observe(seconds)
        self._gpu.labels(model, tier, stage).inc(seconds * devices)

    def encoded(self, job: Job, cached: bool) -> None:
        """A gang has got a job's conditioning; `cached` when the encoder had it already."""
        (self._cache_hits if cached else self._cache_misses).labels(job.model).inc()

    def resumed(self, job: Job, step: int) -> None:
        """An attempt after the first goes on after so many finished steps."""
        self._resumed.labels(*self._of(job), "checkpoint" if step else "start").inc()

    def redone(self, job: Job, steps: int, gpu_s: float) -> None:
        """So many finished steps were lost, and will be done again."""
        if steps <= 0:
            return
        self._redone.labels(job.model).inc(steps)
        self._wasted.labels(*self._of(job), "redone").inc(gpu_s)
        self._redone_gpu_s[job.id] = self._redone_gpu_s.get(job.id, 0.0) + gpu_s

    def broke(self, job: Job, reason: str) -> None:
        """An attempt broke off."""
        self._broken.labels(job.model, str(job.phase or "starting"), reason).inc()

    def suspended(self, job: Job, why: str) -> None:
        """A running job is told to stop after its step."""
        self._suspended.labels(self._of(job)[1], why).inc()

    def finished(self, job: Job, *, in_time: bool) -> None:
        """A job has ended; to be told once for each."""
        status, labels = str(job.status), self._of(job)
        self._ended.labels(*labels, status, job.failure.code if job.failure else "none").inc()
        redone_gpu_s = self._redone_gpu_s.pop(job.id, 0.0)
        if status == "completed":
            self._made(job, in_time)
        else:
            in_vain = max(0.0, job.timings.gpu_s - redone_gpu_s)
            self._wasted.labels(*labels, status).inc(in_vain)

    def _made(self, job: Job, in_time: bool) -> None:
        labels, took, spec = self._of(job), job.timings, job.spec
        kind, video_s = size_class(spec.width, spec.height), spec.num_frames / spec.fps
        self._clips.labels(*labels, IN_TIME if in_time else LATE).inc()
        self._video.labels(*labels).inc(video_s)
        ended_at = job.completed_at or job.created_at
        self._duration.labels(*labels, kind).observe(max(0.0, ended_at - job.created_at))
        self._stage.labels(job.model, "denoise").observe(took.denoise_s)
        made_s = took.encode_s + took.denoise_s + took.decode_s
        self._realtime.labels(job.model, kind).observe(made_s / video_s)

    def _of(self, job: Job) -> tuple[str, str]:
        """Model and tier; `other` for a tier that the settings no longer have."""
        return job.model, job.tier if job.tier in self._tiers else "other"
