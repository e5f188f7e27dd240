"""Requests a minute: one bucket of tokens an account, in this Gateway's memory, asking nobody."""

import math
from dataclasses import dataclass, field
from typing import Final

MINUTE_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Whether a request may go on, and what the account may still ask; seconds.

    `wait_s` is 0 for a request that may go on; `reset_s` is when all of `limit` is there again.
    """

    limit: int
    remaining: int
    reset_s: float
    wait_s: float


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float
    fills_s: float = MINUTE_S
    """How long it takes to fill."""


@dataclass(slots=True)
class Pace:
    """A full bucket holds one minute's requests, or so many as may come at once, and fills evenly.

    So the pace holds for any minute that begins after a pause. With several Gateways each has its
    share, rounded up.
    """

    gateways: int = 1
    _buckets: dict[str, _Bucket] = field(default_factory=dict)
    _swept_at: float = 0.0

    def turn(self, who: str, per_minute: int, now: float, *, at_once: int | None = None) -> Turn:
        """Take a request's token, if there is one."""
        self._sweep(now)
        limit = math.ceil((at_once or per_minute) / self.gateways)
        every_s = MINUTE_S / math.ceil(per_minute / self.gateways)
        bucket = self._buckets.setdefault(who, _Bucket(tokens=limit, at=now))
        passed_s = max(0.0, now - bucket.at)
        bucket.tokens = min(float(limit), bucket.tokens + passed_s / every_s)
        bucket.at = now
        bucket.fills_s = limit * every_s
        wait_s = max(0.0, (1.0 - bucket.tokens) * every_s)
        if not wait_s:
            bucket.tokens -= 1.0
        return Turn(
            limit=limit,
            remaining=int(bucket.tokens),
            reset_s=(limit - bucket.tokens) * every_s,
            wait_s=wait_s,
        )

    def give_back(self, who: str) -> None:
        """The last token that was taken: what came of it is not to be counted."""
        if bucket := self._buckets.get(who):
            bucket.tokens += 1.0  # the next turn keeps it within the limit

    def _sweep(self, now: float) -> None:
        """Forget those who have not asked for so long that their buckets are full again."""
        if abs(now - self._swept_at) < MINUTE_S:
            return
        self._swept_at = now
        full = [who for who, each in self._buckets.items() if now - each.at > each.fills_s]
        for who in full:
            del self._buckets[who]
