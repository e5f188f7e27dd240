"""The sign-up gate's clockwork: every few seconds the Scheduler lets in who there is room for."""

import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from serve.accounts.calling import Looked
from serve.accounts.newcomer import Room, room_of
from serve.accounts.newcomers import open_newcomers
from serve.accounts.rules import Rules, rules_of
from serve.jobs.database import Engines
from serve.rounds import steadily
from serve.scheduling.policy import Policy
from serve.settings import Settings
from serve.watching.observatory import Observatory

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
        told: Callable[[int, int], None] = lambda _waiting, _called: None,
    ) -> None:
        """`told` hears after each look how many wait, and how many were called."""
        self._waitlist = waitlist
        self._rules = rules
        self._epoch = epoch
        self._room = room
        self._clock = clock
        self._told = told
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
        if looked is not None:
            self._told(looked.waiting, len(looked.called))
        if looked is not None and looked.called:
            log.info("called %d of the waitlist, %d still wait", len(looked.called), looked.waiting)


def signing_up(
    engines: Engines,
    settings: Settings,
    policy: Policy,
    epoch: int,
    sights: Observatory,
) -> dict[str, Coroutine[Any, Any, None]]:
    """The gate's loop, where anybody may make an account; it goes by what the policy saw last."""
    if not settings.accounts.signup:
        return {}
    rank = settings.rules.tiers.rank(settings.new_tier)

    def room() -> Room | None:
        sight = policy.situation
        return room_of(sight, rank, policy.usual.gpu_s) if sight else None

    gate = SignUpGate(
        open_newcomers(engines),
        rules=rules_of(settings),
        epoch=epoch,
        room=room,
        clock=time.time,
        told=sights.metrics.policy.waitlist,
    )
    every_s = settings.accounts.gate_period_s
    return {"signing up": steadily(gate.look, every_s=every_s, what="the sign-up gate")}
