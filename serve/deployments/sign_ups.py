"""The sign-up gate's clockwork: every few seconds the Scheduler lets in who there is room for.

sign_ups = SignUpGate(open_newcomers(store.engines), rules=rules_of(settings), epoch=epoch,
                      room=lambda: room_of(situation, rank, mean_gpu_s), clock=time.time)
steadily(sign_ups.look, every_s=settings.accounts.gate_period_s, what="the sign-up gate")
"""

import logging
from collections.abc import Callable
from typing import Protocol

from serve.accounts.calling import Looked
from serve.accounts.newcomer import Room
from serve.accounts.rules import Rules

log = logging.getLogger(__name__)


class Waitlist(Protocol):
    """What the gate needs of `serve.accounts.newcomers.Newcomers`."""

    async def look(self, room: Room, rules: Rules, epoch: int, now: float) -> Looked | None:
        """Fill the bucket and call who is next; None if `epoch` is not the newest."""
        ...


class SignUpGate:
    """`room` tells what is seen of the cluster, None while nothing is known of it."""

    def __init__(
        self,
        waitlist: Waitlist,
        *,
        rules: Rules,
        epoch: int,
        room: Callable[[], Room | None],
        clock: Callable[[], float],
    ) -> None:
        self._waitlist = waitlist
        self._rules = rules
        self._epoch = epoch
        self._room = room
        self._clock = clock
        self.last: Looked | None = None
        """What the latest look came to, for the metrics."""

    async def look(self) -> None:
        """One round. Where nobody may sign up, nobody is called, and places are kept."""
        room = self._room()
        if room is None:
            return
        self.last = looked = await self._waitlist.look(
            room, self._rules, self._epoch, self._clock()
        )
        if looked is not None and looked.called:
            log.info("called %d of the waitlist, %d still wait", len(looked.called), looked.waiting)
