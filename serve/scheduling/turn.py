"""Whose turn it is to schedule, where two clusters have one database: while KubeRay moves a service
from one to the next, say.

The newer cluster's, once its gangs are up; until then, and if it goes away again, the older one's.
Were each to take the next epoch whenever the other has, no clip would get far.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from serve.attempts.attempt import StageHandles
from serve.jobs.gate_status import GATE
from serve.jobs.store import Ledger
from serve.settings import Settings

log = logging.getLogger(__name__)
TURN = "turn"
"""The name under which the store keeps whose turn it is."""
GONE_AFTER_S = 30.0
"""A Scheduler tells of its gates every five seconds at least; who is silent for so long is gone."""
LOOK_EVERY_S = 1.0


class _SignsOfLife:
    """Whether the Scheduler whose turn it is still tells of its gates: that what it tells changes,
    by a clock of the one who waits. What it says of the time itself may be long ago or to come,
    where clocks differ or are set back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._told: Any = None
        self._changed_at = float("-inf")

    def in_what_was(self, told: Any) -> bool:
        """To be asked with each that is read."""
        now = self._clock()
        if told != self._told:
            self._told, self._changed_at = told, now
        return now - self._changed_at <= GONE_AFTER_S


async def take_turn(
    ledger: Ledger,
    born_at: float,
    gangs_up: Callable[[], Awaitable[None]],
    *,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """The next epoch, once it is the turn of the cluster that was `born_at`.

    A cluster's own Schedulers follow each other at once. `clock` is never set back.
    """
    up, said = asyncio.create_task(_until_up(gangs_up)), None
    signs = _SignsOfLife(clock)
    try:
        while (why := await _why_not(ledger, born_at, signs, up=up.done())) is not None:
            if why != said:
                log.info("standing by: %s", why)
            said = why
            await asyncio.sleep(LOOK_EVERY_S)
    finally:
        up.cancel()
    epoch = await ledger.take_epoch()
    await ledger.remember(TURN, {"born_at": born_at}, epoch, time.time())
    log.info("scheduler epoch %d begins", epoch)
    return epoch


async def _why_not(ledger: Ledger, born_at: float, signs: _SignsOfLife, *, up: bool) -> str | None:
    turn, told = await ledger.recall(TURN), await ledger.recall(GATE)
    if turn is None or told is None or turn["born_at"] == born_at:
        return None
    if not signs.in_what_was(told):
        return None
    if turn["born_at"] > born_at:
        return "a newer cluster schedules"
    return None if up else "an older cluster schedules until the gangs of this one are up"


async def _until_up(gangs_up: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            return await gangs_up()
        except Exception as error:  # a replica that died while it was loading
            log.warning("the gangs are not up yet: %s", type(error).__name__)
        await asyncio.sleep(LOOK_EVERY_S)


def gangs_of(
    settings: Settings, stages: Mapping[str, StageHandles]
) -> Callable[[], Awaitable[None]]:
    """What returns when each model that is awake from the start has a gang."""
    handles: list[Any] = []
    for model in settings.models:
        awake = [gangs for gangs in model.shapes if gangs.min and not model.may_sleep]
        if awake:
            handles.append(stages[model.name].denoisers[str(awake[0].shape)])

    async def up() -> None:
        for handle in handles:
            await handle.check_health.remote()

    return up
