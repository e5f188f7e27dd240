"""The policies of `filmgate simulate` by name: filmgate's, its ablations, and the baselines."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from autoscaling.gates import GateRule
from autoscaling.ordering import OrderRule
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
from autoscaling.tiers import Tiers

MEAN_GPU_S: Final = 355.0
"""Of the workload's calm mix, on one GPU."""
TUNED: Final = Options(degrees=(4, 4, 4, 1, 1, 1, 1))


def _no_deferral() -> Policy:
    tiers = tuple(replace(tier, max_promise_s=0.0) for tier in TUNED.rules.tiers)
    rules = replace(TUNED.rules, tiers=Tiers(ladder=tiers))
    return Filmgate(replace(TUNED, rules=rules))


def _with_rules(**changes: object) -> Policy:
    rules: Rules = replace(TUNED.rules, **changes)  # type: ignore[arg-type]
    return Filmgate(replace(TUNED, rules=rules))


POLICIES: Final[Mapping[str, Callable[[], Policy]]] = MappingProxyType(
    {
        "filmgate": lambda: Filmgate(TUNED),
        "fifo": lambda: Baseline(by_arrival, NoLimit()),
        "static-priority": lambda: Baseline(by_tier, NoLimit()),
        "ray-cap": lambda: Baseline(by_arrival, QueueCap(20)),
        "fixed-limit": lambda: Baseline(by_arrival, InFlight(12)),
        "priority-cap": lambda: Baseline(by_tier, QueueCap(20, per_tier=True)),
        "dagor": lambda: Baseline(by_arrival, Dagor()),
        "gradient2": lambda: Baseline(by_arrival, Gradient2()),
        "edf-oracle": lambda: Baseline(by_deadline, NoLimit(), drops_hopeless=True),
        "filmgate-no-deferral": _no_deferral,
        "filmgate-no-preemption": lambda: Filmgate(replace(TUNED, preempts=False)),
        "filmgate-no-moves": lambda: Filmgate(replace(TUNED, moves=False)),
        "filmgate-no-elastic": lambda: Filmgate(replace(TUNED, degrees=(4, 4, 4, 4))),
        "filmgate-no-hysteresis": lambda: _with_rules(gates=GateRule(hysteresis=0.0, dwell_s=0.0)),
        "filmgate-with-floor": lambda: _with_rules(order=OrderRule(low_share=0.125)),
        "filmgate-no-cost-model": lambda: Filmgate(
            replace(TUNED, mean_gpu_s=standard_gpu_s(MEAN_GPU_S))
        ),
    }
)


def known_policy(name: str) -> Callable[[], Policy]:
    """What makes a fresh one. Raises `ValueError` with those there are."""
    if name not in POLICIES:
        raise ValueError(f"there is no policy {name}; there are {', '.join(POLICIES)}")
    return POLICIES[name]
