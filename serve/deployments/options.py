"""How Ray Serve runs each deployment: its name, replicas, resources, and patience with it."""

from typing import Any

from serve.pools import StagePool, adapts
from serve.resources import CONTROL_CPUS
from serve.settings import Settings
from serve.settings.replicas import Replicas

Options = dict[str, Any]
SHORT_GOODBYE: Options = {
    "graceful_shutdown_timeout_s": 2.0,
    "graceful_shutdown_wait_loop_s": 0.1,
}
"""Jobs go on from their checkpoints, so nobody waits for a running clip."""


def scheduler_options(settings: Settings) -> Options:
    """One, which is asked every second whether it lives, and tells the figures for all."""
    return {
        "name": "Scheduler",
        **_always(settings, 1),
        "max_ongoing_requests": 1_000,
        "health_check_period_s": 1.0,
        "health_check_timeout_s": 5.0,
        "ray_actor_options": _of_control(settings),
        **SHORT_GOODBYE,
    }


def gateway_options(settings: Settings) -> Options:
    """Event streams are requests that go on for long."""
    http = settings.http
    return {
        "name": "Gateway",
        **_always(settings, http.gateways),
        "max_ongoing_requests": http.max_event_streams + 1_000,
        "ray_actor_options": _of_control(settings),
        **({"max_replicas_per_node": http.gateways_per_node} if http.gateways_per_node else {}),
        **SHORT_GOODBYE,
    }


def stage_options(pool: StagePool, replicas: Replicas, settings: Settings) -> Options:
    """An encoder or a decoder."""
    return {
        "name": pool.name,
        **_replicas(pool, settings),
        "max_ongoing_requests": 8,
        "health_check_period_s": 1.0,
        "health_check_timeout_s": 30.0,
        "ray_actor_options": _of_rank(replicas),
        **SHORT_GOODBYE,
    }


def gang_options(pool: StagePool, rank: Replicas, settings: Settings) -> Options:
    """A deployment of its own for each shape; a gang's ranks are on one host."""
    bundle = {"CPU": rank.num_cpus, "GPU": rank.num_gpus, **rank.resources}
    together = {
        "placement_group_bundles": [bundle] * pool.ranks,
        "placement_group_strategy": "STRICT_PACK",
    }
    return {
        "name": pool.name,
        **_replicas(pool, settings),
        "max_ongoing_requests": 1,
        "health_check_period_s": 1.0,
        "health_check_timeout_s": settings.gang.rank_timeout_s,
        "ray_actor_options": _of_rank(rank),
        **(together if pool.ranks > 1 else {}),
        **SHORT_GOODBYE,
    }


def _replicas(pool: StagePool, settings: Settings) -> Options:
    bounds = {
        "min_replicas": 0 if pool.may_sleep else pool.least,
        "initial_replicas": pool.first,
        "max_replicas": pool.most,
    }
    return _number(settings, pool.first, bounds)


def _always(settings: Settings, number: int) -> Options:
    """Where others come and go, Serve hears only those that have bounds, and warns of the rest."""
    return _number(settings, number, {"min_replicas": number, "max_replicas": number})


def _number(settings: Settings, fixed: int, bounds: Options) -> Options:
    """Replicas that come and go within bounds, or a fixed number.

    Serve itself is to wait for nothing, since the capacity policy has paces of its own.
    """
    if not adapts(settings):
        return {"num_replicas": fixed}
    every_s = settings.capacity.report_every_s
    at_once = {"upscale_delay_s": 0.0, "downscale_delay_s": 0.0}
    told = {"metrics_interval_s": every_s, "look_back_period_s": 6 * every_s}
    return {"autoscaling_config": {**bounds, **at_once, **told}}


def _of_control(settings: Settings) -> Options:
    return {"num_cpus": CONTROL_CPUS, "resources": settings.ray.control_resources}


def _of_rank(replicas: Replicas) -> Options:
    return {
        "num_cpus": replicas.num_cpus,
        "num_gpus": replicas.num_gpus,
        "resources": replicas.resources,
    }
