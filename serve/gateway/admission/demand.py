"""What was asked for and what became of it, counted for the Scheduler; shed requests count too."""

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass
from math import inf
from typing import Final, Literal, TypeVar

from autoscaling.decisions import CLOSED, Defer, Shed
from autoscaling.rules import Rules
from autoscaling.tiers import Tier
from serve.gateway.admission.door import Verdict
from serve.gateway.link import SchedulerLink
from serve.messages import Answered

log = logging.getLogger(__name__)
PATIENCE_S: Final = 60.0
"""A Scheduler that is there has answered by then, and Ray has given up one that is not. What is
given up earlier may have been heard all the same, and would count twice."""
MOST_REMEMBERED: Final = 20_000
COMES_BACK_WITHIN: Final = 1.5
"""Times its `retry-after`: who comes back is as punctual as that."""
Outcome = Literal["admitted", "deferred", "shed"]
K = TypeVar("K")
V = TypeVar("V")
_Way = tuple[str, str, Outcome, str]


def outcome_of(verdict: Verdict) -> Outcome:
    """What became of it, in one word."""
    if isinstance(verdict.decision, Shed):
        return "shed"
    return "deferred" if isinstance(verdict.decision, Defer) else "admitted"


@dataclass(slots=True)
class _Count:
    requests: int = 0
    counted: int = 0
    gpu_s: float = 0.0


@dataclass(slots=True)
class _Lately:
    """What came of one account's shed requests for one model; `requests` are those that were
    counted."""

    since: float
    requests: int = 0
    sheds: int = 0


class Demand:
    """Counts by model, tier, outcome and reason: all of them words of the settings or the policy.

    A request that was told to come back and does is not asked for once more while the GPU-seconds
    of its first time are still in the offered load. What an operator closed is asked of no GPU.
    """

    def __init__(self, policy: Rules) -> None:
        self._tiers = {tier.name: tier for tier in policy.tiers}
        self._lowest = policy.tiers[0]
        self._period_s = policy.meters.offered_s
        self._counts: dict[_Way, _Count] = {}
        self._told_to_come_back: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()
        self._shed_lately: OrderedDict[tuple[str, str], _Lately] = OrderedDict()
        self._floods: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def answered(self, verdict: Verdict) -> None:
        """Count a request that was answered like this."""
        job, decision = verdict.asked.job, verdict.decision
        tier = self._tiers.get(job.tier, self._lowest)
        way = (job.model, tier.name, outcome_of(verdict), decision.reason.value)
        lately = self._lately(verdict) if isinstance(decision, Shed) else None
        if decision.reason in CLOSED or self._came_back(verdict) or self._too_many(lately, tier):
            self._add(way, _Count(requests=1))
        else:
            self._add(way, _Count(requests=1, counted=1, gpu_s=job.predicted_gpu_s))

    def floods(self, account_id: str, at: float) -> str | None:
        """The model for which an account was shed more often in this period than it could have
        jobs: what it asks for now need not be known. None for anybody else."""
        model, since = self._floods.get(account_id, ("", -inf))
        return model if self._in_period(since, at) else None

    def unread(self, shed: Shed, model: str, tier: str) -> None:
        """Count the request of such an account that was not even read."""
        known = self._tiers.get(tier, self._lowest).name
        self._add((model, known, "shed", shed.reason.value), _Count(requests=1))

    def take(self) -> list[Answered]:
        """All counts since the last time."""
        counts, self._counts = self._counts, {}
        return [
            Answered(
                model=model,
                tier=tier,
                outcome=outcome,
                reason=reason,
                requests=count.requests,
                counted=count.counted,
                gpu_s=count.gpu_s,
            )
            for (model, tier, outcome, reason), count in counts.items()
        ]

    def give_back(self, answered: list[Answered]) -> None:
        """They could not be handed over: they are counted with the next."""
        for each in answered:
            way = (each.model, each.tier, each.outcome, each.reason)
            counted = each.requests if each.counted is None else each.counted
            self._add(way, _Count(requests=each.requests, counted=counted, gpu_s=each.gpu_s))

    def _add(self, way: _Way, more: _Count) -> None:
        count = self._counts.setdefault(way, _Count())
        count.requests += more.requests
        count.counted += more.counted
        count.gpu_s += more.gpu_s

    def _came_back(self, verdict: Verdict) -> bool:
        """Whether the same request was shed and is back; remembers it while it is shed."""
        decision, remembered = verdict.decision, self._told_to_come_back
        who = (verdict.asked.job.account_id, verdict.asked.request.digest)
        counted_at, until = remembered.pop(who, (verdict.at, -inf))
        is_back = verdict.at <= until and self._in_period(counted_at, verdict.at)
        if isinstance(decision, Shed):
            until = verdict.at + COMES_BACK_WITHIN * decision.retry_after_s
            remembered[who] = (counted_at if is_back else verdict.at, until)
            if len(remembered) > MOST_REMEMBERED:
                remembered.popitem(last=False)
        return is_back

    def _lately(self, verdict: Verdict) -> _Lately:
        """What became of its account's requests for its model in this period, with this one."""
        job, shed_lately = verdict.asked.job, self._shed_lately
        who = (job.account_id, job.model)
        known = shed_lately.get(who)
        if known is None or not self._in_period(known.since, verdict.at):
            known = shed_lately[who] = _Lately(since=verdict.at)
            _forget_the_oldest(shed_lately, who)
        known.sheds += 1
        if known.sheds > self._tiers.get(job.tier, self._lowest).max_outstanding:
            self._floods[job.account_id] = (job.model, known.since)
            _forget_the_oldest(self._floods, job.account_id)
        return known

    def _in_period(self, since: float, at: float) -> bool:
        """Clocks are set back, too: what then lies far ahead is over."""
        return abs(at - since) < self._period_s

    def _too_many(self, lately: _Lately | None, tier: Tier) -> bool:
        """Whether it is shed, and in this period as many of its account and model were as its tier
        may have outstanding: no more could be made, however many different ones are asked for."""
        if lately is None:
            return False
        lately.requests += 1
        return lately.requests > tier.max_outstanding


def _forget_the_oldest(remembered: OrderedDict[K, V], newest: K) -> None:
    remembered.move_to_end(newest)
    if len(remembered) > MOST_REMEMBERED:
        remembered.popitem(last=False)


async def report(demand: Demand, link: SchedulerLink, *, every_s: float) -> None:
    """Hand the counts over so often, for as long as this Gateway lives."""
    while True:
        await asyncio.sleep(every_s)
        await hand_over(demand, link)


async def hand_over(demand: Demand, link: SchedulerLink) -> None:
    """All counts, once; what cannot be handed over is kept for the next time."""
    if not (counted := demand.take()):
        return
    try:
        async with asyncio.timeout(PATIENCE_S):
            await link.report(counted)
    except Exception as error:
        demand.give_back(counted)
        log.info("the scheduler was not told of demand: %s", type(error).__name__)
