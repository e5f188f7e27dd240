"""What a capacity decision is made from, as flat numbers by name: all that Ray Serve carries.

The budget and the rule travel along, so that whoever decides needs no settings.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from autoscaling.capacity import CapacityRule, Pool

BUDGET = "budget_gpus"
RULE = "rule"


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolFigures:
    """One pool as who schedules its work sees it; `Pool` has what the words mean."""

    gpus: float
    forecast_gpu_s_per_s: float
    backlog_gpu_s: float
    at_work: int
    """Jobs that are at this pool now; those beyond its replicas wait."""
    waiting: int
    """Jobs that have not come so far yet."""
    quiet_s: float
    weight: float
    least: int
    """Replicas while it is awake."""
    may_sleep: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Pools by name; a deployment of Serve each."""

    pools: Mapping[str, PoolFigures]
    budget_gpus: float
    rule: CapacityRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A pool as Serve sees it: the replicas it should have now, and may have at most."""

    replicas: int
    most: int


def flat(figures: Figures) -> dict[str, float]:
    """Numbers by name: `POOL/figure`, `rule/period`, `budget_gpus`."""
    told = {f"{RULE}/{name}": value for name, value in asdict(figures.rule).items()}
    for pool, its in figures.pools.items():
        told |= {f"{pool}/{name}": float(value) for name, value in asdict(its).items()}
    return {BUDGET: figures.budget_gpus, **told}


def pools_of(told: Mapping[str, float], sizes: Mapping[str, Size]) -> list[Pool]:
    """The pools that were told of and have a size, in the order of their names."""
    names = {name.rpartition("/")[0] for name in told} & sizes.keys()
    return [_pool(name, _figures(told, name), sizes[name]) for name in sorted(names)]


def rule_of(told: Mapping[str, float]) -> CapacityRule:
    """What is left out is as usual."""
    known = {f"{RULE}/{field.name}": field.name for field in fields(CapacityRule)}
    return CapacityRule(**{known[name]: told[name] for name in told.keys() & known.keys()})


def _figures(told: Mapping[str, float], pool: str) -> PoolFigures:
    its = {field.name: told[f"{pool}/{field.name}"] for field in fields(PoolFigures)}
    return PoolFigures(
        gpus=its["gpus"],
        forecast_gpu_s_per_s=its["forecast_gpu_s_per_s"],
        backlog_gpu_s=its["backlog_gpu_s"],
        at_work=round(its["at_work"]),
        waiting=round(its["waiting"]),
        quiet_s=its["quiet_s"],
        weight=its["weight"],
        least=round(its["least"]),
        may_sleep=its["may_sleep"] > 0,
    )


def _pool(name: str, its: PoolFigures, size: Size) -> Pool:
    """Replicas that are still starting are idle too: Serve stops these first."""
    return Pool(
        name=name,
        gpus=its.gpus,
        replicas=size.replicas,
        forecast_gpu_s_per_s=its.forecast_gpu_s_per_s,
        backlog_gpu_s=its.backlog_gpu_s,
        idle_replicas=max(0, size.replicas - its.at_work),
        waiting=its.waiting + max(0, its.at_work - size.replicas),
        quiet_s=its.quiet_s,
        least=its.least,
        most=size.most,
        may_sleep=its.may_sleep,
        weight=its.weight,
    )
