"""A scenario under a policy over several seeds, and the means of its figures."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from autoscaling.replay.arrivals import arrivals
from autoscaling.replay.engine import Record, Replay
from autoscaling.replay.measures import Measures, Result, measure
from autoscaling.replay.policy import Policy
from autoscaling.replay.scenarios import Scenario
from autoscaling.tiers import DEFAULT_TIERS, Tiers


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """The results of all seeds, and their means."""

    seeds: tuple[int, ...]
    results: tuple[Result, ...]

    @property
    def overall(self) -> Measures:
        return _means(result.overall for result in self.results)

    @property
    def tiers(self) -> dict[str, Measures]:
        names = self.results[0].tiers if self.results else {}
        return {name: _means(r.tiers[name] for r in self.results) for name in names}


def replay(
    scenario: Scenario, make: Callable[[], Policy], seed: int, tiers: Tiers = DEFAULT_TIERS
) -> Record:
    """What happened, for one seed; the same seed is the same workload under every policy."""
    return Replay(scenario, arrivals(scenario, tiers, seed), make()).run()


def study(
    scenario: Scenario,
    make: Callable[[], Policy],
    seeds: Sequence[int],
    tiers: Tiers = DEFAULT_TIERS,
) -> Study:
    """All seeds, one after the other."""
    paid_from = next((rank for rank, tier in enumerate(tiers) if tier.paid), len(tiers))
    results = tuple(measure(replay(scenario, make, seed, tiers), paid_from) for seed in seeds)
    return Study(seeds=tuple(seeds), results=results)


def _means(measures: Iterable[Measures]) -> Measures:
    listed = list(measures)
    return {name: sum(each[name] for each in listed) / len(listed) for name in listed[0]}
