"""What is done for the policy each second: look, release what was kept for later, remember."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from autoscaling.admission import Situation
from serve.attempts.attempts import Attempts
from serve.attempts.history import released
from serve.jobs.job import Job
from serve.jobs.store import Ledger
from serve.messages import GangStatus
from serve.scheduling.costs import Costs
from serve.scheduling.fleet import Fleets
from serve.scheduling.operators import Operators
from serve.scheduling.patience import soon
from serve.scheduling.policy import Policy, take_up_each
from serve.scheduling.queued_rows import QueuedRows

log = logging.getLogger(__name__)
MEMORY = "policy"
"""The name under which the store keeps what was learnt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PulseParts:
    """What the pulse works on; `publish` tells everybody a job's state."""

    ledger: Ledger
    rows: QueuedRows
    policy: Policy
    costs: Costs
    attempts: Attempts
    fleets: Fleets
    publish: Callable[[Job], None]
    operators: Operators


class Pulse:
    """Under one epoch: what is learnt is stored by the newest Scheduler alone."""

    def __init__(self, parts: PulseParts, *, epoch: int, remember_every_s: float) -> None:
        self._parts = parts
        self._epoch = epoch
        self._every_s = remember_every_s
        self._remembered_at = float("-inf")

    async def recall(self, now: float) -> None:
        """Go on from what the last Scheduler has learnt, as far as it was of the same mind."""
        if (plain := await self._parts.ledger.recall(MEMORY)) is None:
            return
        unread = self._parts.policy.take_up(plain, now)
        unread += take_up_each({"costs": self._parts.costs.take_up}, plain)
        if unread:
            log.warning("what was learnt cannot be read (%s): these anew", ", ".join(unread))

    async def beat(self, gangs: Sequence[GangStatus], now: float) -> Situation:
        """One look, and what follows from it."""
        parts = self._parts
        situation = parts.policy.look(
            waiting=parts.rows.waiting.values(),
            deferred=parts.rows.deferred.values(),
            running=parts.attempts.runs(),
            strength=parts.fleets.strength(gangs, now),
            now=now,
            switches=await parts.operators.switches(now),
        )
        for job_id in parts.policy.releases(now):
            await self._release(job_id, now)
        await parts.operators.tell(situation, now)
        if abs(now - self._remembered_at) >= self._every_s:  # clocks are set back, too
            plain = {**parts.policy.plain(), "costs": parts.costs.plain()}
            await soon(parts.ledger.remember(MEMORY, plain, self._epoch, now))
            self._remembered_at = now
        return situation

    async def _release(self, job_id: str, now: float) -> None:
        parts = self._parts
        if (job := parts.rows.deferred.get(job_id)) is None:
            return
        note = released(job, now, due=parts.policy.numbers.is_due(job, now))
        row = await soon(parts.ledger.release(job, self._epoch, now, note))
        if row is None:
            parts.rows.told(job_id)
        else:
            parts.publish(row)
