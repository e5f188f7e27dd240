"""Which accounts have changed of late: told to Gateways, so that they need not ask. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

MOST_TOLD: Final = 256
"""Changed accounts that are told at a time; who has heard of none for longer asks again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountNews:
    """Changes are numbered in the order in which they were made: a tier, limits, a key that was
    revoked, whether the account is disabled. Told are all after `since`, up to `upto`."""

    since: int
    upto: int
    changed: Mapping[str, int] = field(default_factory=dict)
    """By the account's id, the number of its last change."""

    def with_later(self, changes: Sequence[tuple[str, int]]) -> "AccountNews":
        """The changes made since then too, of which these are all; the oldest of too many are left
        out."""
        if not changes:
            return self
        known = dict(self.changed) | dict(changes)
        ranked = sorted(known.items(), key=lambda each: each[1])
        dropped, kept = ranked[:-MOST_TOLD], ranked[-MOST_TOLD:]
        since = dropped[-1][1] if dropped else self.since
        return AccountNews(since=since, upto=ranked[-1][1], changed=dict(kept))

    def still_holds(self, account_id: str, seen: int | None) -> bool | None:
        """Whether what was read of an account is as it was, if all changes up to `seen` had been
        heard of by then; None where these news do not reach back so far."""
        if seen is None or not self.since <= seen <= self.upto:
            return None
        return self.changed.get(account_id, seen) <= seen
