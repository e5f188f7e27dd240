"""What rules consist of, and how long their times are."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

RUNBOOKS: Final = "docs/runbooks.md"
PREFIX: Final = "Filmgate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Twice as fast halves every time in the rules; tests cannot wait for a quarter of an hour."""

    times_faster: float = 1.0

    def __call__(self, seconds: float) -> str:
        """As Prometheus writes it: 900 is `15m`."""
        ms = max(1, round(1000 * seconds / self.times_faster))
        for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1_000)):
            if ms % size == 0:
                return f"{ms // size}{unit}"
        return f"{ms}ms"


IN_PRODUCTION: Final = Pace()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """`name` is `level:metric:operation`: the labels that are left, of what, and how."""

    name: str
    expression: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """`name` without the prefix; `critical` wakes somebody, `warning` waits for the morning."""

    name: str
    expression: str
    for_s: float
    severity: Literal["critical", "warning"]
    summary: str
    description: str
    """With the figures: `{{ $value }}`, `{{ $labels.tier }}`."""

    @property
    def full_name(self) -> str:
        return PREFIX + self.name

    @property
    def anchor(self) -> str:
        """Of its entry among the runbooks, whose heading is its name."""
        return self.full_name.lower()


Rule = Recording | Alert
Rules = Callable[[Pace], tuple[Rule, ...]]
