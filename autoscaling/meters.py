"""What was asked for and waited lately: sums and percentiles over the last minutes."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

BINS: Final = 60
"""What outlives a process is this fine: so many sums a period."""
FINE_BINS: Final = 600
"""And what is measured, this fine: however much is added, no more is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterRule:
    """Over how long what was asked for and waited is measured; in seconds."""

    offered_s: float = 600.0
    """What is asked for now."""
    sustained_s: float = 14_400.0
    """What is asked for in the long run: promises are made of what that leaves, and look as far
    ahead. Over one hour it is too uneven: paid clips are few and differ tenfold."""
    waits_s: float = 300.0
    least_s: float = 1.0
    """Waits are compared with no less than this: the shortest time that means anything."""


class Meter:
    """A rate over the last `period_s`: what was added, a second. It is late by a bin at most."""

    def __init__(self, period_s: float) -> None:
        self._period_s = period_s
        self._width_s = period_s / FINE_BINS
        self._seen: deque[tuple[float, float]] = deque()
        self._sum = 0.0
        self._began: float | None = None

    def add(self, amount: float, now: float) -> None:
        """Times must not go back."""
        if self._began is None:
            self._began = now
        if not amount:
            return
        self._forget(now)
        if self._seen and self._seen[-1][0] // self._width_s == now // self._width_s:
            self._seen[-1] = (now, self._seen[-1][1] + amount)
        else:
            self._seen.append((now, amount))
        self._sum += amount

    def rate(self, now: float) -> float:
        """A second; in the first period over the time since the beginning, a tenth of it at
        least, so that the first request is no flood."""
        self._forget(now)
        if self._began is None or not self._seen:
            self._sum = 0.0
            return 0.0
        known_s = min(self._period_s, max(now - self._began, 0.1 * self._period_s))
        return self._sum / known_s

    def plain(self) -> dict[str, Any]:
        """All that it remembers, in `BINS` sums at most, as JSON holds it."""
        width_s, sums = self._period_s / BINS, dict[int, list[float]]()
        for at, amount in self._seen:
            kept = sums.setdefault(int(at // width_s), [at, 0.0])
            kept[0], kept[1] = at, kept[1] + amount
        return {"began": self._began, "seen": list(sums.values())}

    def take_up(self, plain: dict[str, Any], now: float) -> None:
        """Go on from what another process remembered; what has passed since then counts."""
        self._seen = _past(plain["seen"], now)
        self._sum = sum(amount for _, amount in self._seen)
        began = plain["began"]
        self._began = None if began is None else min(began, now)

    def _forget(self, now: float) -> None:
        while self._seen and self._seen[0][0] <= now - self._period_s:
            self._sum -= self._seen.popleft()[1]


class Rates:
    """What is asked for by each tier: now, and in the long run."""

    def __init__(self, num_tiers: int, rule: MeterRule) -> None:
        self._offered = [Meter(rule.offered_s) for _ in range(num_tiers)]
        self._sustained = [Meter(rule.sustained_s) for _ in range(num_tiers)]

    def add(self, rank: int, amount: float, now: float) -> None:
        self._offered[rank].add(amount, now)
        self._sustained[rank].add(amount, now)

    def of(self, rank: int, now: float) -> tuple[float, float]:
        """A second: what is offered, and what is sustained."""
        return self._offered[rank].rate(now), self._sustained[rank].rate(now)

    def plain(self, rank: int) -> dict[str, Any]:
        """A tier's, as JSON holds it."""
        offered, sustained = self._offered[rank], self._sustained[rank]
        return {"offered": offered.plain(), "sustained": sustained.plain()}

    def take_up(self, rank: int, plain: dict[str, Any], now: float) -> None:
        self._offered[rank].take_up(plain["offered"], now)
        self._sustained[rank].take_up(plain["sustained"], now)


class Percentile:
    """A percentile of the samples of the last `period_s`; 0 without any."""

    def __init__(self, period_s: float, part: float) -> None:
        self._period_s = period_s
        self._part = part
        self._seen: deque[tuple[float, float]] = deque()

    def add(self, sample: float, now: float) -> None:
        """Times must not go back."""
        self._seen.append((now, sample))

    def value(self, now: float) -> float:
        """The sample that `part` of all do not exceed."""
        while self._seen and self._seen[0][0] <= now - self._period_s:
            self._seen.popleft()
        if not self._seen:
            return 0.0
        ranked = sorted(sample for _, sample in self._seen)
        return ranked[max(0, ceil(self._part * len(ranked)) - 1)]

    def plain(self) -> list[list[float]]:
        """The newest samples, as JSON holds them."""
        return [[at, sample] for at, sample in list(self._seen)[-4 * BINS :]]

    def take_up(self, plain: Iterable[Iterable[float]], now: float) -> None:
        """Go on from what another process remembered."""
        self._seen = _past(plain, now)


def _past(seen: Iterable[Iterable[float]], now: float) -> deque[tuple[float, float]]:
    """Times do not go back, though the clock may have."""
    return deque((min(float(at), now), float(amount)) for at, amount in seen)
