"""Start-time fair queueing over GPU-seconds: an account with a thousand jobs delays only itself.

Each account has a tag, the GPU-seconds that it was given divided by its weight; the lowest tag is
next. Who comes back after a while begins at the present virtual time: idleness saves up nothing.
That time is the tag of the last job whose turn it was; who goes before its turn, as for a promise,
is charged, and makes nobody else later. What somebody had is held against it only while it goes on:
who has rested for a while begins at the present, too.

Of two accounts that wait all the time, neither gets more than the other by over one job of each
(in GPU-seconds over weight); that bound is tested.
"""

from collections.abc import Collection, Mapping
from typing import Any


class FairShares:
    """Tags by account; those of the past say nothing and are forgotten."""

    def __init__(self) -> None:
        self._tags: dict[str, float] = {}
        self._now = 0.0
        self._resting_since: dict[str, float] = {}

    def tag(self, account_id: str) -> float:
        """Where the account's next job stands; lower is sooner."""
        return max(self._now, self._tags.get(account_id, 0.0))

    def started(
        self, account_id: str, gpu_s: float, weight: float, *, in_turn: bool = True
    ) -> None:
        """A job begins that should take `gpu_s`: charged at once, or all its account's jobs would
        begin together. `in_turn` says whether its tag was what brought it here."""
        tag = self.tag(account_id)
        self._resting_since.pop(account_id, None)
        if in_turn:
            self._now = max(self._now, tag)
        self._tags[account_id] = tag + gpu_s / weight
        if len(self._tags) > 64 and self._tags[account_id] > self._now:
            self._forget()

    def corrected(self, account_id: str, gpu_s: float, weight: float) -> None:
        """What a job took beyond what it was charged; less than nothing is given back."""
        self._tags[account_id] = self._tags.get(account_id, self._now) + gpu_s / weight

    def rest(self, busy: Collection[str], now: float, rest_s: float) -> None:
        """Forget who began nothing, and was not among the `busy`, for so long: clips that were
        made of what nobody else needed put nobody behind for good. To be told again and again."""
        for name in list(self._tags):
            since = min(now, self._resting_since.get(name, now))  # the clock may be set back
            self._resting_since[name] = now if name in busy else since
            if now - self._resting_since[name] >= rest_s:
                del self._tags[name], self._resting_since[name]

    def plain(self) -> dict[str, Any]:
        """Who has had more than others lately, as JSON holds it."""
        ahead = {name: tag - self._now for name, tag in self._tags.items() if tag > self._now}
        return {"ahead": ahead}

    def take_up(self, plain: Mapping[str, Any]) -> None:
        """Go on from what another process remembered, with its virtual time as the beginning."""
        self._now, self._tags, self._resting_since = 0.0, dict(plain["ahead"]), {}

    def _forget(self) -> None:
        """Tags of the past say nothing; dropped when most are."""
        past = [name for name, tag in self._tags.items() if tag <= self._now]
        if len(past) * 2 > len(self._tags):
            for name in past:
                del self._tags[name]
                self._resting_since.pop(name, None)
