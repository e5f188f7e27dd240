"""Replicas as Ray Serve counts them, and whether one more could be had."""

from collections.abc import Mapping

import pytest
from ray.serve._private.common import ReplicaState

from serve.pools import pools_of
from serve.settings import Settings
from serve.watching.pool_counts import PoolCounts, Told, counted, told_of

MODEL = {
    "name": "m",
    "denoiser": {"num_gpus": 1, "replicas": 1, "max_replicas": 4},
    "encoder": {"num_gpus": 0.5},
    "decoder": {"num_gpus": 0.5},
}
SETTINGS = Settings.from_values({"models": [MODEL]})
ENCODER, GANG, DECODER = pools_of(SETTINGS)


def told(wanted: int, running: int | None = None, starting: int = 0) -> Told:
    return Told(wanted=wanted, running=wanted if running is None else running, starting=starting)


def all_told(gangs: Told) -> Mapping[str, Told]:
    return {ENCODER.name: told(1), DECODER.name: told(1), GANG.name: gangs}


def test_each_pool_has_what_serve_says() -> None:
    pools = {pool.pool: pool for pool in counted([GANG], {GANG.name: told(3, 1, 2)}, None)}
    gangs = pools[GANG.name]
    assert (gangs.model, gangs.stage, gangs.shape) == ("m", "denoise", "1")
    assert (gangs.wanted, gangs.running, gangs.starting, gangs.most) == (3, 1, 2, 4)
    assert not gangs.at_limit


@pytest.mark.parametrize(
    ("wanted", "budget", "at_limit"),
    [(3, None, False), (4, None, True), (3, 5.0, False), (3, 4.0, True), (3, 4.5, True)],
)
def test_the_limit_is_the_settings_or_the_gpus(
    wanted: int, budget: float | None, at_limit: bool
) -> None:
    pools = counted([ENCODER, GANG, DECODER], all_told(told(wanted)), budget)
    assert {pool.pool: pool.at_limit for pool in pools}[GANG.name] is at_limit


def test_a_pool_that_serve_does_not_know_is_not_counted() -> None:
    assert counted([GANG], {}, None) == []


async def test_the_budget_is_the_cluster_s_gpus_unless_the_settings_say_less() -> None:
    counts = PoolCounts(SETTINGS, lambda: (all_told(told(1)), 8.0))
    assert counts.pools == ()
    await counts.look()
    assert (counts.budget_gpus, len(counts.pools)) == (8.0, 3)
    less = {"models": [MODEL], "capacity": {"gpu_budget": 3.0}}
    counts = PoolCounts(Settings.from_values(less), lambda: (all_told(told(1)), 8.0))
    await counts.look()
    assert counts.budget_gpus == 3.0


async def test_without_gpus_there_is_no_budget() -> None:
    counts = PoolCounts(Settings.from_values({}), lambda: ({}, 0.0))
    await counts.look()
    assert counts.budget_gpus is None


def test_replicas_that_stop_are_none_and_states_come_as_words_or_enums() -> None:
    states = [ReplicaState.RUNNING, "STARTING", ReplicaState.PENDING_MIGRATION, "STOPPING"]
    replicas = [{"state": state} for state in states]
    found = told_of({"target_num_replicas": 2, "replicas": replicas})
    assert found == Told(wanted=2, running=1, starting=2)
