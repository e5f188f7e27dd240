"""Measuring the policy: how full it is, where the gates stand, and what became of requests."""

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

from prometheus_client import CollectorRegistry

from autoscaling.admission import Situation
from autoscaling.decisions import Reason
from autoscaling.tiers import Tiers
from serve.telemetry.catalogue import gate, jobs
from serve.telemetry.gauges import Levels, Readings, counter

REASONS = frozenset(str(reason) for reason in Reason)
OUTCOMES = ("admitted", "deferred", "shed")
STATES = ("open", "deferring", "shedding", "closed")
PROMISES = ("kept", "broken")


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


class Stood(Protocol):
    """How a tier's gate stands."""

    @property
    def name(self) -> str: ...
    @property
    def gate(self) -> str: ...
    @property
    def drain_s(self) -> float | None: ...


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
        self._state = Levels(gate.STATE, registry)
        self._drain = Readings(gate.DRAIN, registry)
        self._drain_target = Levels(gate.DRAIN_TARGET, registry)
        self._gpus = Levels(gate.GPUS, registry)
        self._work = Levels(gate.WORK, registry)
        self._paid_wait = Levels(gate.PAID_WAIT, registry)
        self._pressure = Levels(gate.PROMISE_PRESSURE, registry)
        self._stretch = Levels(gate.PROMISE_STRETCH, registry)
        self._paid = Levels(gate.TIER_PAID, registry)
        self._wait_target = Levels(gate.WAIT_TARGET, registry)
        self._promises = counter(gate.PROMISES_ENDED, registry)
        self._answered = counter(gate.REQUESTS, registry)
        self._asked = counter(gate.REQUESTED, registry)
        self._waitlist = Readings(gate.WAITLIST, registry)
        self._called = counter(gate.CALLED, registry)
        self._correction = Readings(jobs.CORRECTION, registry)
        for tier in self._tiers:
            for outcome in PROMISES:  # at 0, so that the first one broken is seen
                self._promises.labels(tier, outcome)

    def looked(self, sight: Situation, flips: Mapping[str, int]) -> None:
        """The policy has looked; `flips` by tier."""
        load, rules = sight.load, sight.rules
        self._saturation.show(self._by_tier(sight.levels))
        self._aside.show(self._by_tier(sight.aside))
        for tier, count in flips.items():
            self._flips.labels(tier).inc(max(0, count - self._flips_seen.get(tier, 0)))
        self._flips_seen = dict(flips)
        self._gpus.show({(): load.gpus})
        self._drain_target.show({(): rules.saturation.drain_target_s})
        self._paid_wait.show({(): load.paid_wait})
        self._pressure.show({(): load.promise_pressure})
        self._stretch.show({(): sight.stretch.factor(rules.promises)})
        self._work.show(
            {
                (tier, kind): gpu_s
                for tier, of in zip(self._tiers, load.tiers, strict=True)
                for kind, gpu_s in (("admitted", of.backlog_gpu_s), ("promised", of.promised_gpu_s))
            }
        )

    def stood(self, gates: Iterable[Stood], closed: Collection[str]) -> None:
        """How the gates stand; operators have `closed` some tiers."""
        now = {each.name: each for each in gates}
        states = {tier: "closed" if tier in closed else now[tier].gate for tier in now}
        self._state.show(
            {(tier, state): state == found for tier, found in states.items() for state in STATES}
        )
        self._drain.show({(tier,): each.drain_s for tier, each in now.items()})

    def owes(self, tiers: Tiers, standalone_s: float) -> None:
        """What tiers may expect of a usual clip, which takes so long on an idle gang."""
        self._paid.show({(tier.name,): tier.paid for tier in tiers})
        self._wait_target.show(
            {(tier.name,): tier.target_s(standalone_s) - standalone_s for tier in tiers}
        )

    def corrected(self, factors: Mapping[tuple[str, ...], float]) -> None:
        """How far predictions are off, by model and stage."""
        self._correction.show(factors)

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

    def waitlist(self, waiting: int, called: int) -> None:
        """So many wait for an account, and so many more were called."""
        self._waitlist.show({(): waiting})
        self._called.inc(called)

    def _by_tier(self, values: Iterable[float]) -> dict[tuple[str, ...], float]:
        return {(tier,): value for tier, value in zip(self._tiers, values, strict=True)}

    def _tier(self, tier: str) -> str:
        """The tier, or `other` for one that the settings no longer have."""
        return tier if tier in self._tiers else "other"
