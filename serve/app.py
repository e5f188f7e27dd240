"""The composition root: settings become stores, deployments and one Ray Serve application."""

import asyncio
import contextlib
import logging
import math
import threading
from typing import Any

import ray
from ray import serve as ray_serve
from rich.console import Console
from sqlalchemy.exc import DBAPIError

from serve.accounts.accounts import open_accounts
from serve.artifacts.location import open_artifacts
from serve.artifacts.store import ArtifactError
from serve.deployments.deploying import deploy
from serve.deployments.gateway import Gateway
from serve.deployments.scheduler import Scheduler
from serve.jobs.database import opened
from serve.jobs.upgrade import upgrade
from serve.models import offered_models, open_checkpoint_of
from serve.plan import plan
from serve.resources import CONTROL_CPUS, check_resources, wanted_cpus
from serve.service import (
    ServiceError,
    end_children,
    ignore_signals,
    interrupt_on_signal,
    marked,
)
from serve.settings import Settings
from serve.settings.replicas import Gangs, Replicas
from serve.settings.sections import Model

APPLICATION = "filmgate"
STAGES = {
    "Encoder": "serve.deployments.encoder.Encoder",
    "Denoiser": "serve.deployments.denoiser.Denoiser",
    "Decoder": "serve.deployments.decoder.Decoder",
}
"""By name, so that only the replicas themselves import torch."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")
SHORT_GOODBYE: dict[str, Any] = {
    "graceful_shutdown_timeout_s": 2.0,
    "graceful_shutdown_wait_loop_s": 0.1,
}
"""Jobs go on from their checkpoints, so nobody waits for a running clip."""


def build(settings: Settings) -> Any:
    """The application: one Gateway deployment, one Scheduler, three stages a model."""
    values = settings.model_dump(mode="json")
    stages = {model.name: _stages(values, model, settings) for model in settings.models}
    scheduler = ray_serve.deployment(
        name="Scheduler",
        num_replicas=1,
        max_ongoing_requests=1_000,
        health_check_period_s=1.0,
        health_check_timeout_s=5.0,
        ray_actor_options={"num_cpus": CONTROL_CPUS},
        **SHORT_GOODBYE,
    )(Scheduler).bind(values, stages)
    gateway = ray_serve.deployment(
        name="Gateway",
        num_replicas=settings.http.gateways,
        max_ongoing_requests=settings.http.max_event_streams + 1_000,
        ray_actor_options={"num_cpus": CONTROL_CPUS},
        **SHORT_GOODBYE,
    )(ray_serve.ingress()(Gateway))
    return gateway.bind(values, scheduler)


def _stages(values: dict[str, Any], model: Model, settings: Settings) -> dict[str, Any]:
    return {
        "encoder": _stage("Encoder", model, model.encoder).bind(values, model.name),
        "denoisers": {
            str(gangs.shape): _denoiser(model, gangs, settings).bind(
                values, model.name, gangs.shape
            )
            for gangs in model.shapes
        },
        "decoder": _stage("Decoder", model, model.decoder).bind(values, model.name),
    }


def _stage(stage: str, model: Model, replicas: Replicas) -> Any:
    return ray_serve.deployment(
        name=f"{stage}-{model.name}",
        num_replicas=replicas.replicas,
        max_ongoing_requests=8,
        health_check_period_s=1.0,
        health_check_timeout_s=30.0,
        ray_actor_options=_rank_options(replicas),
        **SHORT_GOODBYE,
    )(STAGES[stage])


def _denoiser(model: Model, gangs: Gangs, settings: Settings) -> Any:
    """A deployment of its own for each shape; a gang's ranks are on one host."""
    rank = {"CPU": model.denoiser.num_cpus, "GPU": model.denoiser.num_gpus}
    together = {
        "placement_group_bundles": [rank] * gangs.shape.world,
        "placement_group_strategy": "STRICT_PACK",
    }
    return ray_serve.deployment(
        name=f"Denoiser-{model.name}-{gangs.shape}",
        num_replicas=gangs.min,
        max_ongoing_requests=1,
        health_check_period_s=1.0,
        health_check_timeout_s=settings.gang.rank_timeout_s,
        ray_actor_options=_rank_options(model.denoiser),
        **(together if gangs.shape.world > 1 else {}),
        **SHORT_GOODBYE,
    )(STAGES["Denoiser"])


def _rank_options(replicas: Replicas) -> dict[str, float]:
    return {"num_cpus": replicas.num_cpus, "num_gpus": replicas.num_gpus}


def application(args: dict[str, Any]) -> Any:
    """For a Serve config file: `import_path: serve.app:application`, `args` are settings."""
    return build(Settings.from_values(args))


def run(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM. Raises `ServiceError` when something needed is missing."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    interrupt_on_signal()
    # Being told to stop is no fault, neither by us nor by Ray's own handlers while it starts.
    told_to_stop = contextlib.suppress(KeyboardInterrupt, SystemExit)
    with told_to_stop, marked(settings.data_dir, settings.http.port):
        openly = asyncio.run(_prepare_stores(settings))
        host = _address(settings, openly)
        settings = _settled(settings, openly)
        for line in plan(settings, host):
            console.print(line)
        try:
            console.print(f"logs: {_start(settings, host)}")
            console.print(f"ready: http://{host}:{settings.http.port}")
            threading.Event().wait()
        finally:
            ignore_signals()  # what is being stopped is stopped to its end
            console.print("stopping")
            _stop()


async def _prepare_stores(settings: Settings) -> bool:
    """Both answer, and the database is up to date; whether no API key exists yet."""
    artifacts = open_artifacts(settings.artifacts, settings.data_dir)
    try:
        await artifacts.check()
        await upgrade(settings.database_url)
        async with opened(settings.database_url) as engines:
            return not await open_accounts(engines).any_keys()
    except (OSError, DBAPIError) as error:
        raise ServiceError(
            f"the database does not answer ({type(error).__name__}): check database.url, and that "
            "the server runs and lets filmgate in."
        ) from error
    except ArtifactError as error:
        raise ServiceError(f"{error}: check the section artifacts of the settings.") from error
    finally:
        await artifacts.close()


def _address(settings: Settings, openly: bool) -> str:
    """Where to listen: without keys, on loopback only."""
    host = settings.http.host or (LOOPBACK[0] if openly else "0.0.0.0")
    if openly and host not in LOOPBACK:
        raise ServiceError(
            f"no API key exists, so filmgate listens on loopback only, not on {host}: make a key "
            "first (filmgate keys create --account NAME), or leave http.host out."
        )
    return host


def _settled(settings: Settings, openly: bool) -> Settings:
    """What only the start can decide: open access, and the commit of each model of the hub.

    Raises `CheckpointError` for a model that cannot be served.
    """
    models = []
    for model in settings.models:
        found = open_checkpoint_of(model).source.revision
        models.append(model.model_copy(update={"revision": found}))
    http = settings.http.model_copy(update={"open_access": openly})
    settled = settings.model_copy(update={"models": tuple(models), "http": http})
    offered_models(settled)
    return settled


def _start(settings: Settings, host: str) -> str:
    """Start or join the cluster and run the application; the folder of the replicas' logs."""
    here = settings.ray.address is None
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    context = ray.init(
        address=settings.ray.address,
        num_cpus=_logical_cpus(settings) if here else None,
        object_store_memory=settings.ray.object_store_bytes if here else None,
        include_dashboard=False if here else None,
        log_to_driver=False,
        logging_level="ERROR",
    )
    interrupt_on_signal()  # again: Ray has put its own handlers in place
    _check_cluster(settings)
    ray_serve.start(
        proxy_location="HeadOnly", http_options={"host": host, "port": settings.http.port}
    )
    logs = f"{context.address_info['session_dir']}/logs"
    deploy(build(settings), name=APPLICATION, logs=logs)
    return logs


def _logical_cpus(settings: Settings) -> float:
    return settings.ray.num_cpus or max(2, math.ceil(wanted_cpus(settings)))


def _check_cluster(settings: Settings) -> None:
    nodes = [node for node in ray.nodes() if node["Alive"]]
    check_resources(settings, [node["Resources"] for node in nodes])
    hosts = {node["NodeManagerHostname"] for node in nodes}
    if len(hosts) > 1 and settings.database_url.startswith("sqlite"):
        raise ServiceError(
            f"SQLite cannot be shared by {len(hosts)} hosts: set database.url to a PostgreSQL URL."
        )


def _stop() -> None:
    try:
        if ray.is_initialized():
            ray_serve.shutdown()
            ray.shutdown()
    finally:
        end_children()
