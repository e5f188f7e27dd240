"""Replays on two processes: one task is a policy in a scenario with one seed."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from statistics import fmean

from autoscaling.replay.arrivals import arrivals
from autoscaling.replay.bound import most_in_time
from autoscaling.replay.measures import Result, measure
from autoscaling.replay.policies import BASELINES, POLICIES, filmgate
from autoscaling.replay.policy import Policy
from autoscaling.replay.runs import replay
from autoscaling.replay.scenarios import scenario
from autoscaling.tiers import DEFAULT_TIERS, HOUR_S

PAID_FROM = 2
PROCESSES = 2
LONGEST_S = 4 * HOUR_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """`settings` are name and value; without any, as `filmgate simulate` would."""

    scenario: str
    policy: str
    seed: int
    settings: tuple[tuple[str, float], ...] | None = None


def run_trial(trial: Trial) -> Result:
    """One replay, measured."""
    return measure(replay(scenario(trial.scenario), _maker(trial), trial.seed), PAID_FROM)


def run_all(trials: Sequence[Trial], tell: Callable[[int], None]) -> dict[Trial, Result]:
    """All of them; `tell` hears how many are done."""
    done: dict[Trial, Result] = {}
    with ProcessPoolExecutor(PROCESSES) as pool:
        for trial, result in zip(trials, pool.map(run_trial, trials, chunksize=4), strict=True):
            done[trial] = result
            tell(len(done))
    return done


def bounds(names: Sequence[str], seeds: Sequence[int]) -> dict[str, tuple[float, float]]:
    """By scenario the most that can be made in time: on the arrival clock, and within the longest
    promise; means over the seeds."""
    asked = [(name, seed) for name in names for seed in seeds]
    with ProcessPoolExecutor(PROCESSES) as pool:
        found = dict(zip(asked, pool.map(_bounds_of, asked, chunksize=4), strict=True))
    return {
        name: (
            fmean(found[name, seed][0] for seed in seeds),
            fmean(found[name, seed][1] for seed in seeds),
        )
        for name in names
    }


def _bounds_of(asked: tuple[str, int]) -> tuple[float, float]:
    shown = scenario(asked[0])
    jobs = arrivals(shown, DEFAULT_TIERS, asked[1])
    return (
        most_in_time(shown, jobs, PAID_FROM, 0.0),
        most_in_time(shown, jobs, PAID_FROM, LONGEST_S),
    )


def settings_of(values: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    """Hashable."""
    return tuple(sorted(values.items()))


def _maker(trial: Trial) -> Callable[[], Policy]:
    if trial.settings is None:
        return POLICIES[trial.policy]
    make = BASELINES.get(trial.policy, filmgate)
    return partial(make, **dict(trial.settings))
