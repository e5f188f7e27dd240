"""What was asked for and what became of it, counted for the Scheduler; shed requests count too."""

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Literal

from autoscaling.decisions import Defer, Shed
from serve.gateway.door import Verdict
from serve.gateway.link import SchedulerLink
from serve.messages import Answered

log = logging.getLogger(__name__)
PATIENCE_S: Final = 5.0
MOST_REMEMBERED: Final = 20_000
COMES_BACK_WITHIN: Final = 1.5
"""Times its `retry-after`: who comes back is as punctual as that."""
Outcome = Literal["admitted", "deferred", "shed"]
_Way = tuple[str, str, Outcome, str]


def outcome_of(verdict: Verdict) -> Outcome:
    """What became of it, in one word."""
    if isinstance(verdict.decision, Shed):
        return "shed"
    return "deferred" if isinstance(verdict.decision, Defer) else "admitted"


@dataclass(slots=True)
class _Count:
    requests: int = 0
    gpu_s: float = 0.0


class Demand:
    """Counts by model, tier, outcome and reason: all of them words of the settings or the policy.

    A request that was told to come back and does is not asked for once more: its GPU-seconds were
    counted when it first came.
    """

    def __init__(self, tiers: tuple[str, ...]) -> None:
        self._tiers = frozenset(tiers)
        self._lowest = tiers[0]
        self._counts: dict[_Way, _Count] = {}
        self._told_to_come_back: OrderedDict[tuple[str, str], float] = OrderedDict()

    def answered(self, verdict: Verdict) -> None:
        """Count a request that was answered like this."""
        job, decision = verdict.asked.job, verdict.decision
        gpu_s = 0.0 if self._came_back(verdict) else job.predicted_gpu_s
        tier = job.tier if job.tier in self._tiers else self._lowest
        way = (job.model, tier, outcome_of(verdict), decision.reason.value)
        self._add(way, 1, gpu_s)

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
                gpu_s=count.gpu_s,
            )
            for (model, tier, outcome, reason), count in counts.items()
        ]

    def give_back(self, answered: list[Answered]) -> None:
        """They could not be handed over: they are counted with the next."""
        for each in answered:
            way = (each.model, each.tier, each.outcome, each.reason)
            self._add(way, each.requests, each.gpu_s)

    def _add(self, way: _Way, requests: int, gpu_s: float) -> None:
        count = self._counts.setdefault(way, _Count())
        count.requests += requests
        count.gpu_s += gpu_s

    def _came_back(self, verdict: Verdict) -> bool:
        """Whether the same request was shed and is back; remembers it while it is shed."""
        decision, remembered = verdict.decision, self._told_to_come_back
        who = (verdict.asked.job.account_id, verdict.asked.request.digest)
        until = remembered.pop(who, None)
        if isinstance(decision, Shed):
            remembered[who] = verdict.at + COMES_BACK_WITHIN * decision.retry_after_s
            if len(remembered) > MOST_REMEMBERED:
                remembered.popitem(last=False)
        return until is not None and verdict.at <= until


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
