"""Each policy's best values on the tuning seeds; baselines by goodput, ours within its bounds."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from autoscaling.replay.measures import Result
from benchmarks.gating.protocol import FILE, GRIDS, OURS, TUNED_ON, TUNING_SEEDS, points
from benchmarks.gating.trials import Trial, run_all, settings_of

Point = tuple[tuple[str, float], ...]
SHED_INSTEAD = ("longest_s", 0.0)


def tune(tell: Callable[[int, int], None]) -> dict[str, Any]:
    """What was chosen, and the score of every point; written to `tuned.json`."""
    trials = [trial for policy in GRIDS for trial in _trials(policy)]
    done = run_all(trials, lambda count: tell(count, len(trials)))
    results: dict[str, dict[Point, list[Result]]] = {}
    for trial, result in done.items():
        results.setdefault(trial.policy, {}).setdefault(trial.settings or (), []).append(result)
    scores = {
        policy: {point: _score(policy, point, of_policy) for point in _points(policy)}
        for policy, of_policy in results.items()
    }
    best = {policy: max(of, key=lambda point, of=of: of[point]) for policy, of in scores.items()}
    tuned = {
        "scenario": TUNED_ON,
        "seeds": list(TUNING_SEEDS),
        "chosen": {policy: dict(point) for policy, point in best.items()},
        "scores": {
            policy: [{**dict(point), "score": round(score, 4)} for point, score in of.items()]
            for policy, of in scores.items()
        },
    }
    FILE.write_text(json.dumps(tuned, indent=1) + "\n")
    return tuned


def _points(policy: str) -> list[Point]:
    return [settings_of(values) for values in points(GRIDS[policy])]


def _trials(policy: str) -> list[Trial]:
    """Ours twice: with promises, and shedding instead."""
    wanted = _points(policy)
    if policy == OURS:
        wanted += [(*point, SHED_INSTEAD) for point in wanted]
    return [
        Trial(scenario=TUNED_ON, policy=policy, seed=seed, settings=point)
        for point in wanted
        for seed in TUNING_SEEDS
    ]


def _score(policy: str, point: Point, results: Mapping[Point, list[Result]]) -> float:
    """Work made in time, on the promise clock. Ours: the mean of that and of what is in time when
    it sheds instead of deferring, less 1 for each bound that is not held."""
    of_point = results[point]
    goodput = _mean(of_point, "goodput_promise")
    if policy != OURS:
        return goodput
    shedding = _mean(results[(*point, SHED_INSTEAD)], "goodput_promise")
    broken = (
        _mean(of_point, "waste") > 0.05,
        _mean(of_point, "promise_coverage") < 0.85,
        _mean(of_point, "gate_flips_per_hour") > 2,
        _mean(of_point, "inversions") > 0,
        min(sum(r.tiers[t]["slo_arrival"] for r in of_point) for t in ("plus", "pro"))
        < 0.95 * len(of_point),
    )
    return (goodput + shedding) / 2 - sum(broken)


def _mean(results: list[Result], name: str) -> float:
    return sum(result.overall[name] for result in results) / len(results)
