"""Measuring the policy: how full it is, where the gates stand, and what became of requests."""

from collections import Counter as Tally
from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

from prometheus_client import CollectorRegistry

from autoscaling.decisions import Reason
from autoscaling.load import Load
from serve.telemetry.catalogue import gate, jobs
from serve.telemetry.gauges import Levels, counter

REASONS = frozenset(str(reason) for reason in Reason)
OUTCOMES = ("admitted", "deferred", "shed")


class Answered(Protocol):
    """How many requests were answered in one way."""

    @property
    def model(self) -> str: ...
    @property
    def tier(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def requests(self) -> int: ...
    @property
    def gpu_s(self) -> float: ...


class Promised(Protocol):
    """What measuring reads of a job that was promised; times are Unix seconds."""

    @property
    def tier(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def completed_at(self) -> float | None: ...
    @property
    def promised_by(self) -> float | None: ...


class PolicyMetrics:
    """Recorders over the registry of `Metrics`; tiers and models as the settings have them."""

    def __init__(
        self, registry: CollectorRegistry, tiers: Collection[str], models: Collection[str]
    ) -> None:
        self._tiers = tuple(tiers)
        self._models = frozenset(models)
        self._saturation = Levels(gate.SATURATION, registry)
        self._aside = Levels(gate.TURNED_ASIDE, registry)
        self._flips = counter(gate.FLIPS, registry)
        self._flips_seen: dict[str, int] = {}
        self._gpus = Levels(gate.GPUS, registry)
        self._work = Levels(gate.WORK, registry)
        self._deferred = Levels(jobs.DEFERRED, registry)
        self._promises = counter(gate.PROMISES_ENDED, registry)
        self._suspended = counter(jobs.SUSPENSIONS, registry)
        self._answered = counter(gate.REQUESTS, registry)
        self._asked = counter(gate.REQUESTED, registry)

    def looked(
        self, load: Load, levels: Iterable[float], aside: Iterable[float], flips: Mapping[str, int]
    ) -> None:
        """What the policy sees now; all by rank, but `flips` by tier."""
        self._saturation.show(self._by_tier(levels))
        self._aside.show(self._by_tier(aside))
        for tier, count in flips.items():
            self._flips.labels(tier).inc(max(0, count - self._flips_seen.get(tier, 0)))
        self._flips_seen = dict(flips)
        self._gpus.show({(): load.gpus})
        self._work.show(
            {
                (tier, kind): gpu_s
                for tier, of in zip(self._tiers, load.tiers, strict=True)
                for kind, gpu_s in (("admitted", of.backlog_gpu_s), ("promised", of.promised_gpu_s))
            }
        )

    def deferred(self, tiers: Iterable[str]) -> None:
        """The tiers of all jobs that are kept for later."""
        self._deferred.show(Tally((self._tier(tier),) for tier in tiers))

    def answered(self, answers: Iterable[Answered]) -> None:
        """What Gateways have told."""
        for answer in answers:
            tier = self._tier(answer.tier)
            model = answer.model if answer.model in self._models else "other"
            outcome = answer.outcome if answer.outcome in OUTCOMES else "other"
            reason = answer.reason if answer.reason in REASONS else "other"
            self._answered.labels(model, tier, outcome, reason).inc(answer.requests)
            self._asked.labels(tier).inc(answer.gpu_s)

    def finished(self, job: Promised) -> None:
        """A job has ended; to be told once for each."""
        if job.promised_by is None or job.status != "completed" or job.completed_at is None:
            return
        outcome = "kept" if job.completed_at <= job.promised_by else "broken"
        self._promises.labels(self._tier(job.tier), outcome).inc()

    def suspended(self, tier: str, why: str) -> None:
        """A running job is told to stop after its step."""
        self._suspended.labels(self._tier(tier), why).inc()

    def _by_tier(self, values: Iterable[float]) -> dict[tuple[str, ...], float]:
        return {(tier,): value for tier, value in zip(self._tiers, values, strict=True)}

    def _tier(self, tier: str) -> str:
        """The tier, or `other` for one that the settings no longer have."""
        return tier if tier in self._tiers else "other"
