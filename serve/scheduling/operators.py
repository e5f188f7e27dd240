"""The operators' side of the policy: what they decide is obeyed, and what it does is told them."""

import logging
import time
from typing import Protocol

from autoscaling.admission import Situation
from autoscaling.gates import NO_SWITCHES, Switches
from serve.attempts.attempts import Attempts
from serve.jobs.gate_status import GATE, GateStatus, counts_by_tier, gate_status
from serve.jobs.store import Ledger
from serve.scheduling.patience import soon
from serve.scheduling.policy import Policy
from serve.scheduling.queued_rows import QueuedRows
from serve.watching.answers import RecentAnswers

log = logging.getLogger(__name__)


class OperatorStore(Ledger, Protocol):
    """Where commands also leave what was decided by hand."""

    async def switches(self, now: float) -> Switches:
        """Those that hold at `now`."""
        ...


class Operators:
    """Under one epoch; they are told how the gates stand every `every_s`."""

    def __init__(
        self,
        store: OperatorStore,
        *,
        policy: Policy,
        rows: QueuedRows,
        attempts: Attempts,
        answers: RecentAnswers,
        epoch: int,
        every_s: float,
        standard_devices: int,
    ) -> None:
        self._store = store
        self._policy = policy
        self._rows = rows
        self._attempts = attempts
        self._answers = answers
        self._epoch = epoch
        self._every_s = every_s
        self._standard_devices = standard_devices
        self._switches = NO_SWITCHES
        self._told_at = float("-inf")
        self.status: GateStatus | None = None
        """What they were told last."""

    async def switches(self, now: float) -> Switches:
        """What they have decided; while the store does not answer soon, what they had."""
        try:
            self._switches = await soon(self._store.switches(now))
        except Exception as error:
            log.warning("operators' switches stay as they were: %s", type(error).__name__)
        return self._switches

    async def tell(self, situation: Situation, now: float) -> None:
        """Keep how the gates stand where operators look, now and then."""
        if abs(now - self._told_at) < self._every_s:  # clocks are set back, too
            return
        queued = (*self._rows.waiting.values(), *self._rows.deferred.values())
        status = gate_status(
            situation,
            flips=self._policy.gate_flips,
            counts=counts_by_tier((*queued, *self._attempts.jobs())),
            refused=self._answers.refused(time.monotonic()),
            typical=self._policy.usual.wish(self._standard_devices),
            epoch=self._epoch,
            now=now,
        )
        self.status = status
        await soon(self._store.remember(GATE, status.to_values(), self._epoch, now))
        self._told_at = now
