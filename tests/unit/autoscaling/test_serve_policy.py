"""What Serve asks each tick: figures become targets once, and trouble changes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from autoscaling.capacity import CapacityRule
from autoscaling.figures import Figures, PoolFigures, flat
from autoscaling.serve_policy import CapacityPolicy

IDLE = PoolFigures(
    gpus=1.0,
    forecast_gpu_s_per_s=0.0,
    backlog_gpu_s=0.0,
    at_work=0,
    waiting=0,
    quiet_s=0.0,
    weight=1.0,
    least=1,
    may_sleep=False,
)
BUSY = replace(IDLE, forecast_gpu_s_per_s=3.0, at_work=1, waiting=5)
RULE = CapacityRule(up_after_s=10.0, down_after_s=20.0, down_every_s=5.0)


@dataclass
class Sample:
    timestamp: float
    value: float


@dataclass
class Context:
    """As Serve has it, as far as it is used."""

    deployment_name: str
    target_num_replicas: int = 1
    capacity_adjusted_max_replicas: int = 8
    policy_state: dict[str, Any] = field(default_factory=dict)
    current_time: float = 0.0
    raw_metrics: Mapping[str, Mapping[str, list[Sample]]] | None = None


class Serve:
    """Calls the policy as Serve does, and keeps what it is to remember."""

    def __init__(self, *names: str) -> None:
        self.policy = CapacityPolicy()
        self.contexts = {f"id of {name}": Context(name) for name in names}
        self.scheduler = Context("Scheduler", capacity_adjusted_max_replicas=1)
        self.contexts["id of Scheduler"] = self.scheduler

    def tell(self, at: float, budget_gpus: float = 100.0, **pools: PoolFigures) -> None:
        told = flat(Figures(pools=pools, budget_gpus=budget_gpus, rule=RULE))
        self.scheduler.raw_metrics = {
            name: {"replica": [Sample(at - 1, -1.0), Sample(at, value)]}
            for name, value in told.items()
        }

    def tick(self, now: float) -> dict[str, int]:
        for context in self.contexts.values():
            context.current_time = now
        chosen, states = self.policy(self.contexts)
        assert states.keys() == self.contexts.keys()
        for key, context in self.contexts.items():
            context.policy_state = states[key]
            context.target_num_replicas = chosen.get(key, context.target_num_replicas)
        return {str(key).removeprefix("id of "): number for key, number in chosen.items()}


def test_before_the_first_figures_nothing_changes() -> None:
    assert Serve("gangs").tick(0.0) == {}


def test_a_pool_grows_once_it_has_needed_more_for_long_enough() -> None:
    serve = Serve("gangs", "encoders")
    for now in (0.0, 5.0):
        serve.tell(now, gangs=BUSY, encoders=IDLE)
        assert serve.tick(now) == {"gangs": 1, "encoders": 1}
    serve.tell(10.0, gangs=BUSY, encoders=IDLE)
    assert serve.tick(10.0) == {"gangs": 4, "encoders": 1}


def test_the_same_figures_are_decided_on_once() -> None:
    serve = Serve("gangs")
    serve.tell(0.0, gangs=IDLE)
    assert serve.tick(0.0) == {"gangs": 1}
    assert serve.tick(0.1) == {}


def test_it_shrinks_step_by_step_while_idle() -> None:
    serve = Serve("gangs")
    serve.contexts["id of gangs"].target_num_replicas = 3
    targets = []
    for now in range(0, 40, 5):
        serve.tell(float(now), gangs=IDLE)
        targets.append(serve.tick(float(now))["gangs"])
    assert targets == [3, 3, 3, 3, 2, 1, 1, 1]


def test_the_budget_is_shared() -> None:
    serve = Serve("gangs", "others")
    for now in (0.0, 10.0):
        serve.tell(now, budget_gpus=5.0, gangs=replace(BUSY, weight=0.9), others=BUSY)
        chosen = serve.tick(now)
    assert sum(chosen.values()) == 5


def test_of_two_schedulers_the_one_that_told_last_counts() -> None:
    serve = Serve("gangs")
    serve.tell(5.0, gangs=BUSY)
    assert serve.scheduler.raw_metrics is not None
    old = flat(Figures(pools={"gangs": IDLE}, budget_gpus=1.0, rule=RULE))
    serve.scheduler.raw_metrics = {
        name: {**series, "older": [Sample(4.0, old[name])]}
        for name, series in serve.scheduler.raw_metrics.items()
    }
    serve.tick(0.0)
    serve.tell(15.0, gangs=BUSY)
    assert serve.tick(15.0) == {"gangs": 4}


def test_a_tick_that_fails_keeps_all_targets_and_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    serve = Serve("gangs")
    serve.tell(0.0, gangs=IDLE)
    assert serve.scheduler.raw_metrics is not None
    broken = dict(serve.scheduler.raw_metrics)
    del broken["gangs/waiting"]
    serve.scheduler.raw_metrics = broken
    assert serve.tick(0.0) == {}
    assert serve.tick(0.1) == {}
    assert len(caplog.records) == 1
    serve.tell(1.0, gangs=IDLE)
    assert serve.tick(1.0) == {"gangs": 1}
