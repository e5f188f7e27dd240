"""`filmgate simulate`: hours of demand replayed in seconds through the policy, without a GPU."""

import json
from collections.abc import Callable
from importlib.util import find_spec
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from serve.commands.outcome import CommandError
from serve.commands.tables import show_facts, show_table

if TYPE_CHECKING:
    from autoscaling.replay.policy import Policy as KnownPolicy
    from autoscaling.replay.runs import Study
    from autoscaling.replay.scenarios import Scenario as KnownScenario

MOST_SEEDS = 1_000
OVERALL = {
    "goodput_arrival": "on time, arrival clock (of the work)",
    "goodput_promise": "on time, promise clock (of the work)",
    "waste": "spent on late clips",
    "promise_coverage": "promises kept",
    "promise_p50_s": "median promise, s",
    "inversions": "paid shed while lower let in",
    "gate_flips_per_hour": "gate moves an hour, most of any tier",
    "starved": "starved jobs",
    "wait_max_s": "longest wait, s",
    "utilisation": "GPUs at work",
    "preemptions": "preemptions",
    "jobs": "jobs",
}
TIER_COLUMNS = (
    "slo_arrival",
    "slo_promise",
    "shed",
    "deferred",
    "lighter",
    "wait_p50_s",
    "wait_p99_s",
    "jain",
)

Scenario = Annotated[str, typer.Option(help="S0 to S9; S4 comes as S4x4 and S4x10.")]
Policy = Annotated[
    str, typer.Option(help="filmgate, one of its ablations, or a baseline such as fifo.")
]
Seeds = Annotated[str, typer.Option(help="One seed, or the first and the last: 100-119.")]
JsonFile = Annotated[
    Path | None, typer.Option("--json", help="Write the figures here.", metavar="FILE")
]
PlotFile = Annotated[
    Path | None, typer.Option(help="Draw the first seed over time, as a PNG.", metavar="FILE.png")
]


def simulate(
    scenario: Scenario = "S4x10",
    policy: Policy = "filmgate",
    seeds: Seeds = "100-102",
    json_file: JsonFile = None,
    plot: PlotFile = None,
) -> None:
    """Replay a flood, or a calm day, through an admission policy; no GPU, no service."""
    from autoscaling.replay.policies import known_policy
    from autoscaling.replay.runs import study
    from autoscaling.replay.scenarios import scenario as known_scenario

    try:
        chosen, make = known_scenario(scenario), known_policy(policy)
    except ValueError as unknown:
        raise CommandError(str(unknown)) from None
    numbers = _seeds(seeds)
    for file in (json_file, plot):
        if file is not None and not file.absolute().parent.is_dir():
            raise CommandError(f"there is no folder {file.absolute().parent} for {file.name}")
    if plot is not None and not find_spec("matplotlib"):
        raise CommandError(
            "--plot draws with matplotlib, which is not here: pip install matplotlib"
        )
    what = f"{chosen.name}, {chosen.about}: {policy}, {len(numbers)} seeds"
    with Console(stderr=True).status(what):
        result = study(chosen, make, numbers)
    print(what)
    _show(result)
    if json_file is not None:
        figures = {"scenario": chosen.name, "policy": policy, **as_json(result)}
        json_file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    if plot is not None:
        _draw(chosen, make, numbers[0], f"{what.rpartition(',')[0]}, seed {numbers[0]}", plot)


def _draw(
    scenario: "KnownScenario", make: "Callable[[], KnownPolicy]", seed: int, title: str, plot: Path
) -> None:
    from autoscaling.replay.runs import replay
    from autoscaling.replay.timeline import timeline
    from serve.commands.replay_chart import draw_replay

    floods = [(surge.begins_h, surge.ends_h) for surge in scenario.surges]
    draw_replay(timeline(replay(scenario, make, seed)), title, floods, plot)


def as_json(result: "Study") -> dict[str, object]:
    """Means over the seeds; null for what is without bound."""
    return {
        "seeds": list(result.seeds),
        "tiers": {name: _finite(measures) for name, measures in result.tiers.items()},
        **_finite(result.overall),
    }


def _finite(measures: dict[str, float]) -> dict[str, float | None]:
    return {name: value if isfinite(value) else None for name, value in measures.items()}


def _seeds(text: str) -> range:
    first, _, last = text.partition("-")
    try:
        numbers = range(int(first), int(last or first) + 1)
    except ValueError:
        numbers = range(0)
    if not 0 < len(numbers) <= MOST_SEEDS:
        raise CommandError(
            f"--seeds {text}: write one number or two, such as 7 or 100-119; at most {MOST_SEEDS}"
        )
    return numbers


def _show(result: "Study") -> None:
    show_table(
        ("tier", "jobs", *TIER_COLUMNS),
        (
            (name, f"{measures['jobs']:.0f}", *(_figure(measures[key]) for key in TIER_COLUMNS))
            for name, measures in result.tiers.items()
        ),
    )
    print()
    show_facts((words, _figure(result.overall[key])) for key, words in OVERALL.items())


def _figure(value: float) -> str:
    return f"{value:.3f}" if value < 10 else f"{value:.0f}"
