"""What a Gateway has read of keys and their accounts, believed while nothing else is heard of them.

So a flood of requests asks the database for each key once, whatever becomes of them. The Scheduler
tells each second which accounts have changed (`news.py`): a revoked key, a disabled account and a
changed tier are heard of that soon. While it does not, all is read again after `ttl_s`.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final, Generic, Protocol, TypeVar

from serve.accounts.account import Account, Principal
from serve.accounts.keys import key_id_of
from serve.accounts.news import AccountNews
from serve.accounts.promotion import Promotion

MOST_GOOD: Final = 20_000
MOST_UNKNOWN: Final = 20_000
"""Remembered apart, so that made-up keys drive no good one out."""
NOT_RISEN_S: Final = 300.0
"""Who is old enough to rise but lacks the clips is not counted again for so long."""
KEPT_S: Final = 300.0
"""So long after it was read is an account read again, though nothing was heard of it: it may have
grown old enough to rise."""
MOST_STRANGERS: Final = 2
"""Keys never seen before that are looked up at a time: a flood of them leaves connections over."""
T = TypeVar("T")


class StoredAccounts(Protocol):
    """What is asked of the database."""

    async def authenticate(self, plain_key: str, /) -> Principal | None:
        """Whose key this is; None when it is unknown or revoked."""
        ...

    async def any_keys(self) -> bool:
        """Whether a key was ever made: from then on, keys are required."""
        ...

    async def promoted(self, account: Account, rule: Promotion | None, now: float) -> Account:
        """The account as it is, or as it has just risen."""
        ...


@dataclass(frozen=True, slots=True)
class _Found(Generic[T]):
    value: T
    until: float
    read_at: float = 0.0
    seen: int | None = None
    """The last change of an account that had been heard of before it was read."""


class _Memory(Generic[T]):
    """The answers of late by what was asked, the least recent of too many forgotten."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._found: OrderedDict[bytes, _Found[T]] = OrderedDict()

    def find(self, name: bytes, now: float) -> _Found[T] | None:
        found = self._found.get(name)
        return None if found is None or now >= found.until else self.used(name)

    def used(self, name: bytes) -> _Found[T] | None:
        """The answer, however old it is; it is the most recent now."""
        if (found := self._found.get(name)) is None:
            return None
        self._found.move_to_end(name)
        return found

    def keep(self, name: bytes, found: _Found[T]) -> None:
        self._found[name] = found
        self._found.move_to_end(name)
        while len(self._found) > self._most:
            self._found.popitem(last=False)

    def knows(self, name: bytes) -> bool:
        """Whether there was an answer, however old it is."""
        return name in self._found

    def forget(self, name: bytes) -> None:
        self._found.pop(name, None)


class Remembered:
    """Answers from memory where it can. `clock` tells seconds that never go back, `now` Unix time;
    `news` what the Scheduler told last, None while it tells nothing.

    Keys are remembered as digests: this memory holds nothing that could be used.
    """

    def __init__(
        self,
        accounts: StoredAccounts,
        *,
        rule: Promotion | None,
        ttl_s: float,
        clock: Callable[[], float],
        now: Callable[[], float],
        news: Callable[[], AccountNews | None] = lambda: None,
    ) -> None:
        self._accounts = accounts
        self._rule = rule
        self._ttl_s = ttl_s
        self._clock = clock
        self._now = now
        self._news = news
        self._good: _Memory[Principal] = _Memory(MOST_GOOD)
        self._unknown: _Memory[None] = _Memory(MOST_UNKNOWN)
        self._not_risen: _Memory[None] = _Memory(MOST_GOOD)
        self._strangers = asyncio.Semaphore(MOST_STRANGERS)
        self._any_keys = _Found(value=False, until=float("-inf"))
        self._asking: dict[bytes, asyncio.Task[Principal | None]] = {}

    async def authenticate(self, plain_key: str, /) -> Principal | None:
        """Whose key this is; an account that may rise to another tier by now has risen."""
        if key_id_of(plain_key) is None:
            return None
        name, now = sha256(plain_key.encode()).digest(), self._clock()
        if found := self._known(name, now) or self._unknown.find(name, now):
            return found.value
        # Who comes while the same is being asked waits for that answer.
        if (asking := self._asking.get(name)) is None:
            asking = self._asking[name] = asyncio.create_task(self._ask(name, plain_key))
            asking.add_done_callback(lambda done: self._asked(name, done))
        return await asyncio.shield(asking)

    def _known(self, name: bytes, now: float) -> _Found[Principal] | None:
        """What is remembered of a good key, if that may be believed."""
        found = self._good.used(name)
        if found is None or self._ttl_s == 0:
            return None
        news = self._news()
        holds = news and news.still_holds(found.value.account_id, found.seen)
        if news is None or holds is None:
            return found if now < found.until else None
        if not holds or now >= found.read_at + KEPT_S:
            return None
        if found.seen != news.upto or now >= found.until:
            found = replace(found, seen=news.upto, until=now + self._ttl_s)
            self._good.keep(name, found)
        return found

    async def any_keys(self) -> bool:
        """Once there was one, there was one for ever."""
        now = self._clock()
        if not self._any_keys.value and now >= self._any_keys.until:
            self._any_keys = _Found(await self._accounts.any_keys(), now + self._ttl_s)
        return self._any_keys.value

    async def _ask(self, name: bytes, plain_key: str) -> Principal | None:
        if self._good.knows(name):
            return await self._look_up(name, plain_key)
        async with self._strangers:
            return await self._look_up(name, plain_key)

    async def _look_up(self, name: bytes, plain_key: str) -> Principal | None:
        read_at, news = self._clock(), self._news()
        until = read_at + self._ttl_s
        principal = await self._accounts.authenticate(plain_key)
        if principal is None:
            self._good.forget(name)
            self._unknown.keep(name, _Found(None, until))
            return None
        principal = replace(principal, account=await self._risen(principal.account))
        seen = news.upto if news else None
        self._good.keep(name, _Found(principal, until, read_at, seen))
        return principal

    async def _risen(self, account: Account) -> Account:
        """The account as it is, or as it has just risen; clips are counted now and then only."""
        name, asked_at, now = account.id.encode(), self._clock(), self._now()
        if self._not_risen.find(name, asked_at):
            return account
        risen = await self._accounts.promoted(account, self._rule, now)
        counted = self._rule is not None and self._rule.may_be_due(account, now)
        if counted and risen.tier == account.tier and self._ttl_s > 0:
            self._not_risen.keep(name, _Found(None, asked_at + NOT_RISEN_S))
        return risen

    def _asked(self, name: bytes, done: asyncio.Task[Principal | None]) -> None:
        del self._asking[name]
        if not done.cancelled():
            done.exception()  # taken note of, for those who asked may have gone
