"""filmgate's policy against eight others over floods: `gate tune`, commit, then `gate report`.

Pure replay on two processes: no Ray, no GPU. Seeds and grids are in `gating/protocol.py`, what
tuning found in `gating/tuned.json`; the report's seeds are others, and it refuses values that are
not those that `filmgate simulate` replays.
"""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from autoscaling.replay.measures import Result
from autoscaling.replay.policies import tuned_settings
from benchmarks.gating.criteria import judge
from benchmarks.gating.outcomes import Outcomes
from benchmarks.gating.protocol import (
    EVERYWHERE,
    FILE,
    LESS,
    OURS,
    REPORT_SEEDS,
    SCENARIOS,
    TUNED_ON,
    tuned,
)
from benchmarks.gating.tables import LIGHT, document, put_into
from benchmarks.gating.trials import Trial, bounds, run_all
from benchmarks.gating.tuning import tune
from benchmarks.report import RESULTS, hardware

POLICY_PAGE = Path(__file__).parents[1] / "docs" / "policy.md"


def main(words: Sequence[str] = ()) -> None:
    """`tune` or `report`; without a word the report."""
    match list(words):
        case ["tune"]:
            _tune()
        case [] | ["report"]:
            _report()
        case _:
            raise SystemExit("python -m benchmarks gate tune, or: gate report")


def _tune() -> None:
    began = time.perf_counter()
    chosen = tune(_tell)["chosen"]
    print(f"\n{json.dumps(chosen, indent=1)}\n{FILE}, {time.perf_counter() - began:.0f} s")
    if chosen != tuned_settings(chosen):
        print("autoscaling/replay/policies.py and the defaults of the rules have other values")


def _report() -> None:
    chosen = tuned()
    if chosen != tuned_settings(chosen):
        raise SystemExit(
            f"{FILE.name} has values other than those that filmgate simulate replays: bring "
            "autoscaling/replay/policies.py, or the defaults of the rules, in line"
        )
    began = time.perf_counter()
    trials = [
        Trial(scenario=name, policy=policy, seed=seed)
        for name, policy in _asked()
        for seed in REPORT_SEEDS
    ]
    done = run_all(trials, lambda count: _tell(count, len(trials)))
    results: dict[tuple[str, str], list[Result]] = {}
    for trial, result in done.items():
        results.setdefault((trial.scenario, trial.policy), []).append(result)
    seen = Outcomes(results=results, bounds=bounds(SCENARIOS, REPORT_SEEDS))
    criteria = judge(seen)
    text = document(seen, criteria)
    put_into(text, POLICY_PAGE)
    details = {"criteria": [asdict(each) for each in criteria], "took_s": _since(began)}
    _write(seen, details)
    print(f"\n{text}\n\n{_since(began)} s")


def _asked() -> list[tuple[str, str]]:
    """Scenario and policy."""
    asked = [(name, policy) for name in SCENARIOS for policy in EVERYWHERE]
    return [*asked, *((TUNED_ON, policy) for policy in LESS), (LIGHT, "filmgate-no-lighter")]


def _write(seen: Outcomes, details: dict[str, Any]) -> None:
    """Means of everything, and each seed's goodput."""
    means = {
        f"{name} {policy}": {
            "overall": {key: seen.mean(name, policy, key) for key in of[0].overall},
            "tiers": {
                tier: {key: seen.mean(name, policy, f"{tier}.{key}") for key in of[0].tiers[tier]}
                for tier in of[0].tiers
            },
            "goodput_promise_by_seed": seen.values(name, policy, "goodput_promise"),
        }
        for (name, policy), of in seen.results.items()
    }
    content = {
        "hardware": hardware(),
        "seeds": list(REPORT_SEEDS),
        "tuned": tuned(),
        "ours": OURS,
        "bounds": dict(seen.bounds),
        **details,
        "means": means,
    }
    (RESULTS / "gate.json").write_text(json.dumps(_rounded(content), separators=(",", ":")) + "\n")


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4) if value < float("inf") else None
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list | tuple) else value


def _tell(count: int, total: int) -> None:
    if count % 100 == 0 or count == total:
        print(f"\r{count} of {total}", end="", file=sys.stderr, flush=True)


def _since(began: float) -> int:
    return round(time.perf_counter() - began)
