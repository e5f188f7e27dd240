"""Figures survive being flat numbers, and meet what Serve knows of a pool."""

from autoscaling.capacity import CapacityRule
from autoscaling.figures import Figures, PoolFigures, Size, flat, pools_of, rule_of

GANGS = PoolFigures(
    gpus=4.0,
    forecast_gpu_s_per_s=12.0,
    backlog_gpu_s=3_600.0,
    at_work=2,
    waiting=3,
    quiet_s=0.0,
    weight=0.5,
    least=1,
    may_sleep=True,
)
RULE = CapacityRule(up_after_s=3.0)
TOLD = flat(Figures(pools={"Denoiser-org/m-tp4": GANGS}, budget_gpus=16.0, rule=RULE))


def test_all_figures_are_numbers() -> None:
    assert all(isinstance(value, float | int) for value in TOLD.values())
    assert TOLD["budget_gpus"] == 16.0
    assert rule_of(TOLD) == RULE


def test_a_pool_is_what_both_sides_know_of_it() -> None:
    sizes = {"Denoiser-org/m-tp4": Size(replicas=3, most=6), "Scheduler": Size(replicas=1, most=1)}
    (pool,) = pools_of(TOLD, sizes)
    assert (pool.replicas, pool.least, pool.most, pool.may_sleep) == (3, 1, 6, True)
    assert (pool.idle_replicas, pool.waiting) == (1, 3)


def test_jobs_beyond_the_replicas_wait() -> None:
    (pool,) = pools_of(TOLD, {"Denoiser-org/m-tp4": Size(replicas=1, most=6)})
    assert (pool.idle_replicas, pool.waiting) == (0, 4)


def test_a_deployment_without_figures_is_no_pool() -> None:
    assert pools_of(TOLD, {"Scheduler": Size(replicas=1, most=1)}) == []
