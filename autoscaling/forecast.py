"""What will be asked for when a new replica is ready: a level and a slope, smoothed (Holt)."""

from dataclasses import dataclass
from math import exp


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastRule:
    """Slower than the gates by a factor of five: two loops on one signal would swing."""

    level_s: float = 300.0
    slope_s: float = 900.0
    most_growth: float = 2.0
    """A forecast is at most so many times the present level: a ramp does not go on for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A demand and its change a second, as of `at`."""

    level: float
    slope: float = 0.0
    at: float = 0.0

    def after(self, value: float, now: float, rule: ForecastRule) -> "Trend":
        """With one more observation."""
        passed_s = now - self.at
        if passed_s <= 0:
            return self
        expected = self.level + self.slope * passed_s
        level = value + (expected - value) * exp(-passed_s / rule.level_s)
        slope = (level - self.level) / passed_s
        slope += (self.slope - slope) * exp(-passed_s / rule.slope_s)
        return Trend(level=level, slope=slope, at=now)

    def forecast(self, horizon_s: float, rule: ForecastRule) -> float:
        """The demand in `horizon_s`; never below nothing."""
        ahead = self.level + self.slope * horizon_s
        return max(0.0, min(ahead, rule.most_growth * self.level))
