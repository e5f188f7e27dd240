"""What jobs took and cost, day by day, and how an account stands. Pure values; days are UTC's."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What an account's jobs took on one day; `day` is a date in UTC, `2026-11-21`.

    `jobs` counts all that ended, `clips` those that were completed.
    """

    day: str
    jobs: int
    clips: int
    gpu_s: float
    price: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What an account has in the store now, and what it has used since midnight UTC.

    `expected_gpu_s` is what its live jobs were predicted to take.
    """

    waiting: int
    running: int
    expected_gpu_s: float
    used_gpu_s: float

    @property
    def committed_gpu_s(self) -> float:
        """What counts against the day's GPU-seconds."""
        return self.used_gpu_s + self.expected_gpu_s


def day_of(now: float) -> str:
    """The day in UTC, whatever the clock of this machine shows."""
    return f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d}"


def seconds_left(now: float) -> float:
    """Until the next day begins."""
    return 86_400.0 - now % 86_400.0


def days_back(now: float, days: int) -> str:
    """The first of the last `days` days; today is one of them."""
    return f"{datetime.fromtimestamp(now, UTC) - timedelta(days=days - 1):%Y-%m-%d}"
