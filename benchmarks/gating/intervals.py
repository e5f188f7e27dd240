"""How sure a difference is: the same seeds under two policies, pair by pair."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

RESAMPLES: Final = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The mean of paired differences, and what holds it in 95 of 100 resamples."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"


def paired(ours: Sequence[float], theirs: Sequence[float]) -> Difference:
    """By the bootstrap; the same values give the same interval."""
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    random, size = Random(0), len(differences)
    means = sorted(sum(random.choices(differences, k=size)) / size for _ in range(RESAMPLES))
    return Difference(
        mean=sum(differences) / size,
        low=means[int(0.025 * RESAMPLES)],
        high=means[int(0.975 * RESAMPLES) - 1],
    )
