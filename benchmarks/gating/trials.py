"""Replays on two processes: one task is a policy in a scenario with one seed."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

from autoscaling.replay.measures import Result, measure
from autoscaling.replay.policies import BASELINES, POLICIES, filmgate
from autoscaling.replay.policy import Policy
from autoscaling.replay.runs import replay
from autoscaling.replay.scenarios import scenario

PAID_FROM = 2
PROCESSES = 2


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


def settings_of(values: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    """Hashable."""
    return tuple(sorted(values.items()))


def _maker(trial: Trial) -> Callable[[], Policy]:
    if trial.settings is None:
        return POLICIES[trial.policy]
    make = BASELINES.get(trial.policy, filmgate)
    return partial(make, **dict(trial.settings))
