"""Finds the jobs of requests that are shed but repeat one which was taken in, whoever took it in.

Only who is shed and sends an Idempotency-Key has to ask: the one exception from sheds that cost no
SQL. A flood with keys, fresh or known, must cost the database nothing to speak of: all who ask go
together into one query, at most four queries are sent a second, and an account that asks more often
in a minute than it may have jobs is not looked for.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final

from autoscaling.tiers import Tiers
from serve.gateway.admission.pace import Pace
from serve.jobs.claims import ClaimedJob, ClaimName, Claims

log = logging.getLogger(__name__)
LEAST_A_MINUTE: Final = 6
"""Keys of one account, where its tier may have fewer jobs."""
EVERY_S: Final = 0.25
PATIENCE_S: Final = 2.0
MOST_TOGETHER: Final = 500
"""In one query; both databases limit the number of parameters."""


class Repeats:
    """`tiers` tell how many jobs an account may have, `now` Unix seconds."""

    def __init__(self, claims: Claims, tiers: Tiers, *, now: Callable[[], float]) -> None:
        self._claims = claims
        self._tiers = tiers
        self._now = now
        self._pace = Pace()
        self._asked: dict[ClaimName, asyncio.Future[ClaimedJob | None]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def find(self, name: ClaimName, tier: str) -> ClaimedJob | None:
        """The job under this key. None if there is none, if the account has asked too often, and
        while the database does not answer: being shed must not depend on it."""
        jobs = self._tiers[self._tiers.rank(tier)].max_outstanding
        account_id, _ = name
        if self._pace.turn(account_id, max(LEAST_A_MINUTE, jobs), self._now()).wait_s:
            return None
        loop = asyncio.get_running_loop()
        answer = self._asked.setdefault(name, loop.create_future())
        if self._asking is None or self._asking.done():
            self._asking = loop.create_task(self._ask())
        await asyncio.wait([answer], timeout=PATIENCE_S)
        return answer.result() if answer.done() else None

    async def _ask(self) -> None:
        """Until nobody waits any more; who comes meanwhile is in the next query."""
        while self._asked:
            names = list(self._asked)[:MOST_TOGETHER]
            answers = {name: self._asked.pop(name) for name in names}
            found = await self._found(names)
            for name, answer in answers.items():
                answer.set_result(found.get(name))
            await asyncio.sleep(EVERY_S)

    async def _found(self, names: list[ClaimName]) -> Mapping[ClaimName, ClaimedJob]:
        try:
            return await self._claims.claimed(names, self._now())
        except Exception as error:
            log.warning("repeated requests cannot be looked for: %s", type(error).__name__)
            return {}
