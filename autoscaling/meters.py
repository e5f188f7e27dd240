"""What was asked for and waited lately: sums and percentiles over the last minutes."""

from collections import deque
from math import ceil


class Meter:
    """A rate over the last `period_s`: what was added, a second."""

    def __init__(self, period_s: float) -> None:
        self._period_s = period_s
        self._seen: deque[tuple[float, float]] = deque()
        self._sum = 0.0
        self._began: float | None = None

    def add(self, amount: float, now: float) -> None:
        """Times must not go back."""
        if self._began is None:
            self._began = now
        self._seen.append((now, amount))
        self._sum += amount

    def rate(self, now: float) -> float:
        """A second; in the first period over the time since the beginning, a tenth of it at
        least, so that the first request is no flood."""
        while self._seen and self._seen[0][0] <= now - self._period_s:
            self._sum -= self._seen.popleft()[1]
        if self._began is None or not self._seen:
            self._sum = 0.0
            return 0.0
        known_s = min(self._period_s, max(now - self._began, 0.1 * self._period_s))
        return self._sum / known_s


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
