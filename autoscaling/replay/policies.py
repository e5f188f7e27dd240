"""The policies of `filmgate simulate` by name: filmgate's, its ablations, and the baselines.

The baselines' numbers, and filmgate's where they are not defaults of its rules, are those that
`python -m benchmarks gate tune` found on S4x10.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any, Final, TypeVar

from autoscaling.gates import GateRule
from autoscaling.ordering import OrderRule
from autoscaling.promises import PromiseRule
from autoscaling.replay.baselines import (
    Baseline,
    Gradient2,
    InFlight,
    NoLimit,
    QueueCap,
    by_arrival,
    by_deadline,
    by_tier,
)
from autoscaling.replay.dagor import Dagor
from autoscaling.replay.filmgate import Filmgate
from autoscaling.replay.jobs import standard_gpu_s
from autoscaling.replay.options import Options
from autoscaling.replay.policy import Policy
from autoscaling.rules import Rules
from autoscaling.saturation import SaturationRule
from autoscaling.tiers import HOUR_S, Tiers

MEAN_GPU_S: Final = 355.0
"""Of the workload's calm mix, on one GPU."""
TUNED: Final = Options(degrees=(4, 4, 2, 2, 2, 2))

Settings = Mapping[str, float]
"""What a policy may be tuned in, by name; a baseline's `degree` is the size of its gangs."""


def filmgate(
    *,
    longest_s: float | None = None,
    drain_target_s: float | None = None,
    in_reserve: float | None = None,
) -> Policy:
    """With promises up to so far away (0 sheds instead of deferring), and other constants."""
    rules = TUNED.rules
    tiers = rules.tiers
    if longest_s is not None:
        tiers = Tiers(ladder=tuple(replace(tier, max_promise_s=longest_s) for tier in tiers))
    return _with_rules(
        tiers=tiers,
        saturation=_changed(rules.saturation, drain_target_s=drain_target_s),
        promises=_changed(rules.promises, in_reserve=in_reserve),
    )


Rule = TypeVar("Rule", PromiseRule, SaturationRule)


def _changed(rule: Rule, **values: float | None) -> Rule:
    """With those values that are said."""
    said: dict[str, Any] = {name: value for name, value in values.items() if value is not None}
    return replace(rule, **said)


def _with_rules(**changes: object) -> Policy:
    rules: Rules = replace(TUNED.rules, **changes)  # type: ignore[arg-type]
    return Filmgate(replace(TUNED, rules=rules))


def _ray_cap(most: int = 20, **gangs: Any) -> Policy:
    return Baseline(by_arrival, QueueCap(most), **gangs)


def _fixed_limit(most: int = 12, **gangs: Any) -> Policy:
    return Baseline(by_arrival, InFlight(most), **gangs)


def _priority_cap(most: int = 20, **gangs: Any) -> Policy:
    return Baseline(by_tier, QueueCap(most, per_tier=True), **gangs)


def _dagor(threshold_s: float = 60.0, window_s: float = 60.0, **gangs: Any) -> Policy:
    return Baseline(by_arrival, Dagor(threshold_s, window_s), **gangs)


def _gradient2(tolerance: float = 1.5, queue: float = 4.0, **gangs: Any) -> Policy:
    return Baseline(by_arrival, Gradient2(tolerance, queue), **gangs)


BASELINES: Final[Mapping[str, Callable[..., Policy]]] = MappingProxyType(
    {
        "fifo": lambda **gangs: Baseline(by_arrival, NoLimit(), **gangs),
        "static-priority": lambda **gangs: Baseline(by_tier, NoLimit(), **gangs),
        "ray-cap": _ray_cap,
        "fixed-limit": _fixed_limit,
        "priority-cap": _priority_cap,
        "dagor": _dagor,
        "gradient2": _gradient2,
        "edf-oracle": lambda **gangs: Baseline(
            by_deadline, NoLimit(), drops_hopeless=True, **gangs
        ),
    }
)
"""Called with the settings that they are tuned in."""
BASELINE_SETTINGS: Final[Mapping[str, Settings]] = MappingProxyType(
    {
        "fifo": {},
        "static-priority": {},
        "ray-cap": {"most": 6, "degree": 2},
        "fixed-limit": {"most": 14, "degree": 2},
        "priority-cap": {"most": 8, "degree": 2},
        "dagor": {"threshold_s": 60, "window_s": 60, "degree": 2},
        "gradient2": {"tolerance": 1.0, "queue": 1, "degree": 2},
        "edf-oracle": {"degree": 2},
    }
)
"""As tuned; first come first served and static priority have nothing to tune."""
ABLATIONS: Final[Mapping[str, Callable[[], Policy]]] = MappingProxyType(
    {
        "filmgate-no-deferral": partial(filmgate, longest_s=0.0),
        "filmgate-no-preemption": lambda: Filmgate(replace(TUNED, preempts=False)),
        "filmgate-no-moves": lambda: Filmgate(replace(TUNED, moves=False)),
        "filmgate-no-elastic": lambda: Filmgate(replace(TUNED, degrees=(4, 4, 4, 4))),
        "filmgate-no-lighter": lambda: Filmgate(replace(TUNED, lighter=False)),
        "filmgate-no-hysteresis": lambda: _with_rules(gates=GateRule(hysteresis=0.0, dwell_s=0.0)),
        "filmgate-with-floor": lambda: _with_rules(order=OrderRule(low_share=0.125)),
        "filmgate-long-promises": partial(filmgate, longest_s=8 * HOUR_S),
        "filmgate-no-cost-model": lambda: Filmgate(
            replace(TUNED, mean_gpu_s=standard_gpu_s(MEAN_GPU_S))
        ),
    }
)


def _tuned(name: str) -> Callable[[], Policy]:
    return partial(BASELINES[name], **BASELINE_SETTINGS[name])


POLICIES: Final[Mapping[str, Callable[[], Policy]]] = MappingProxyType(
    {
        "filmgate": filmgate,
        **{name: _tuned(name) for name in BASELINES},
        **ABLATIONS,
    }
)


def known_policy(name: str) -> Callable[[], Policy]:
    """What makes a fresh one. Raises `ValueError` with those there are."""
    if name not in POLICIES:
        raise ValueError(f"there is no policy {name}; there are {', '.join(POLICIES)}")
    return POLICIES[name]


def tuned_settings(names: Iterable[str]) -> dict[str, dict[str, float]]:
    """What `filmgate simulate` replays these policies with, of what they may be tuned in."""
    return {name: dict(_settings(name)) for name in names}


def _settings(name: str) -> Settings:
    if name in BASELINES:
        return BASELINE_SETTINGS[name]
    rules = TUNED.rules
    return {
        "drain_target_s": rules.saturation.drain_target_s,
        "in_reserve": rules.promises.in_reserve,
    }
