"""How Ray Serve runs each deployment: its name, replicas, resources, and patience with it."""

from typing import Any

from serve.resources import CONTROL_CPUS
from serve.settings import Settings
from serve.settings.replicas import Gangs, Replicas
from serve.settings.sections import Model

Options = dict[str, Any]
SHORT_GOODBYE: Options = {
    "graceful_shutdown_timeout_s": 2.0,
    "graceful_shutdown_wait_loop_s": 0.1,
}
"""Jobs go on from their checkpoints, so nobody waits for a running clip."""


def scheduler_options() -> Options:
    """One, which is asked every second whether it lives."""
    return {
        "name": "Scheduler",
        "num_replicas": 1,
        "max_ongoing_requests": 1_000,
        "health_check_period_s": 1.0,
        "health_check_timeout_s": 5.0,
        "ray_actor_options": {"num_cpus": CONTROL_CPUS},
        **SHORT_GOODBYE,
    }


def gateway_options(settings: Settings) -> Options:
    """Event streams are requests that go on for long."""
    return {
        "name": "Gateway",
        "num_replicas": settings.http.gateways,
        "max_ongoing_requests": settings.http.max_event_streams + 1_000,
        "ray_actor_options": {"num_cpus": CONTROL_CPUS},
        **SHORT_GOODBYE,
    }


def stage_options(stage: str, model: Model, replicas: Replicas) -> Options:
    """An encoder or a decoder."""
    return {
        "name": f"{stage}-{model.name}",
        "num_replicas": replicas.replicas,
        "max_ongoing_requests": 8,
        "health_check_period_s": 1.0,
        "health_check_timeout_s": 30.0,
        "ray_actor_options": _of_rank(replicas),
        **SHORT_GOODBYE,
    }


def gang_options(model: Model, gangs: Gangs, settings: Settings) -> Options:
    """A deployment of its own for each shape; a gang's ranks are on one host."""
    rank = {"CPU": model.denoiser.num_cpus, "GPU": model.denoiser.num_gpus}
    together = {
        "placement_group_bundles": [rank] * gangs.shape.world,
        "placement_group_strategy": "STRICT_PACK",
    }
    return {
        "name": f"Denoiser-{model.name}-{gangs.shape}",
        "num_replicas": gangs.min,
        "max_ongoing_requests": 1,
        "health_check_period_s": 1.0,
        "health_check_timeout_s": settings.gang.rank_timeout_s,
        "ray_actor_options": _of_rank(model.denoiser),
        **(together if gangs.shape.world > 1 else {}),
        **SHORT_GOODBYE,
    }


def _of_rank(replicas: Replicas) -> dict[str, float]:
    return {"num_cpus": replicas.num_cpus, "num_gpus": replicas.num_gpus}
