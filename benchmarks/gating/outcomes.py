"""The results of the report by scenario and policy, and what is read off them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoscaling.replay.measures import Result
from benchmarks.gating.intervals import Difference, paired

PAID = ("plus", "pro")
UNPAID = ("new", "free")
TIERS = (*UNPAID, *PAID)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """`results` are in the order of the seeds. `bounds` are the most that can be made in time, by
    scenario: on the arrival clock, and within the longest promise."""

    results: Mapping[tuple[str, str], Sequence[Result]]
    bounds: Mapping[str, tuple[float, float]]

    def values(self, scenario: str, policy: str, figure: str) -> list[float]:
        """A figure of each seed: `goodput_promise`, or a tier's as `free.slo_promise`."""
        tier, _, name = figure.rpartition(".")
        return [
            result.tiers[tier][name] if tier else result.overall[name]
            for result in self.results[scenario, policy]
        ]

    def mean(self, scenario: str, policy: str, figure: str) -> float:
        values = self.values(scenario, policy, figure)
        return sum(values) / len(values)

    def most(self, scenario: str, policy: str, figure: str) -> float:
        """Of all seeds."""
        return max(self.values(scenario, policy, figure))

    def difference(
        self, scenario: str, one: str, other: str, figure: str, *, theirs: str | None = None
    ) -> Difference:
        """One policy's figure less the other's (or its figure `theirs`), seed by seed."""
        return paired(
            self.values(scenario, one, figure), self.values(scenario, other, theirs or figure)
        )

    def best(self, scenario: str, policies: Sequence[str]) -> str:
        """Who makes most in time on the arrival clock."""
        return max(policies, key=lambda each: self.mean(scenario, each, "goodput_arrival"))
