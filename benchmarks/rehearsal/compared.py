"""The rehearsal beside the replay: the same measures of both, and what is to be proved by it."""

from collections.abc import Iterator, Mapping
from typing import Final, Protocol

from autoscaling.replay.measures import Measures
from benchmarks.report import Row

LEAST_KEPT: Final = 0.85
MOST_POINTS: Final = 5.0
CLOCKS: Final = {"slo_arrival": "on time by arrival", "slo_promise": "on time by promise"}


class Shown(Protocol):
    """The measures of one run, or the means of several."""

    @property
    def overall(self) -> Measures: ...

    @property
    def tiers(self) -> Mapping[str, Measures]: ...


def tier_rows(rehearsed: Shown, replayed: Shown) -> Iterator[Row]:
    """Each tier's attainment on both clocks, and how far apart the rungs are."""
    for tier, there in replayed.tiers.items():
        here = rehearsed.tiers[tier]
        for measure, what in CLOCKS.items():
            points = 100 * (here[measure] - there[measure])
            yield Row(
                what=f"{tier}: {what}",
                value=100 * here[measure],
                unit="% of jobs",
                note=f"replay {100 * there[measure]:.1f}, {points:+.1f} points",
            )


def widest(rehearsed: Shown, replayed: Shown) -> tuple[float, str]:
    """The largest difference in points, and where it is."""
    return max(
        (abs(100 * (rehearsed.tiers[tier][measure] - there[measure])), f"{tier}, {what}")
        for tier, there in replayed.tiers.items()
        for measure, what in CLOCKS.items()
    )


def policy_rows(rehearsed: Shown, replayed: Shown) -> Iterator[Row]:
    """What is promised of the policy."""
    points, where = widest(rehearsed, replayed)
    here, there = rehearsed.overall, replayed.overall
    yield Row(
        what="widest difference", value=points, unit="points", note=f"{where}; aim {MOST_POINTS:g}"
    )
    yield Row(
        what="promises kept",
        value=100 * here["promise_coverage"],
        unit="% of promises",
        note=f"replay {100 * there['promise_coverage']:.1f}; aim {100 * LEAST_KEPT:g}",
    )
    for measure, what in {
        "inversions": "paid jobs shed while lower ones came in",
        "starved": "starved jobs",
        "preemptions": "jobs that gave way",
    }.items():
        yield Row(what=what, value=here[measure], unit="", note=f"replay {there[measure]:g}")
    for tier, of_tier in rehearsed.tiers.items():
        flips = replayed.tiers[tier]["gate_flips_per_hour"]
        yield Row(
            what=f"{tier}: the gate moved",
            value=of_tier["gate_flips_per_hour"],
            unit="times an hour of the scenario",
            note=f"replay {flips:g}",
        )


def outcome_details(result: Shown) -> Mapping[str, Mapping[str, float]]:
    """All measures, for the file."""
    return {"overall": result.overall, **result.tiers}
