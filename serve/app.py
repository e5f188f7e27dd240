"""The composition root: settings become stores, deployments and one Ray Serve application."""

import asyncio
import contextlib
import logging
import math
import threading
import urllib.parse
from typing import Any

import ray
from ray import serve as ray_serve
from rich.console import Console
from sqlalchemy.exc import DBAPIError

from serve.accounts.accounts import open_accounts
from serve.artifacts.location import open_artifacts
from serve.artifacts.store import ArtifactError
from serve.deployments.gateway import Gateway
from serve.deployments.scheduler import Scheduler
from serve.jobs.database import opened
from serve.jobs.upgrade import upgrade
from serve.models import offered_models, open_checkpoint_of
from serve.service import (
    ServiceError,
    end_children,
    ignore_signals,
    interrupt_on_signal,
    marked,
)
from serve.settings import Settings
from serve.settings.sections import Replicas

APPLICATION = "filmgate"
CONTROL_CPUS = 0.1
"""Logical CPUs of the Gateway and of the Scheduler: they wait far more than they compute."""
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
    stages = {model.name: _stages(values, model.name, settings) for model in settings.models}
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


def _stages(values: dict[str, Any], model: str, settings: Settings) -> dict[str, Any]:
    configured = next(m for m in settings.models if m.name == model)
    return {
        "encoder": _stage("Encoder", f"Encoder-{model}", configured.encoder, 8).bind(values, model),
        "denoiser": _stage("Denoiser", f"Denoiser-{model}", configured.denoiser, 1).bind(
            values, model, "1"
        ),
        "decoder": _stage("Decoder", f"Decoder-{model}", configured.decoder, 8).bind(values, model),
    }


def _stage(stage: str, name: str, replicas: Replicas, max_ongoing: int) -> Any:
    return ray_serve.deployment(
        name=name,
        num_replicas=replicas.replicas,
        max_ongoing_requests=max_ongoing,
        health_check_period_s=1.0,
        health_check_timeout_s=30.0,
        ray_actor_options={"num_cpus": replicas.num_cpus, "num_gpus": replicas.num_gpus},
        **SHORT_GOODBYE,
    )(STAGES[stage])


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
        for line in _plan(settings, host):
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


def _plan(settings: Settings, host: str) -> list[str]:
    """What will run where, for people."""
    database = urllib.parse.urlsplit(settings.database_url).scheme.partition("+")[0]
    lines = [
        f"filmgate: http://{host}:{settings.http.port}, data in {settings.data_dir}, {database} "
        f"jobs, artifacts in {settings.artifacts.url or settings.data_dir / 'artifacts'}"
    ]
    if settings.http.open_access:
        lines.append("no API keys: listening on loopback only, anyone on this machine is `local`")
    for model in settings.models:
        gpus = model.denoiser.num_gpus
        where = f"{gpus:g} GPU each" if gpus else f"CPU, {model.denoiser.threads} threads each"
        lines.append(
            f"  {model.name} ({model.checkpoint}, {model.dtype}): "
            f"{model.encoder.replicas} encoder, {model.denoiser.replicas} denoiser ({where}), "
            f"{model.decoder.replicas} decoder"
        )
    return lines


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
    ray_serve.run(build(settings), name=APPLICATION, route_prefix="/")
    return f"{context.address_info['session_dir']}/logs"


def _logical_cpus(settings: Settings) -> float:
    return settings.ray.num_cpus or max(2, math.ceil(_wanted_cpus(settings)))


def _wanted_cpus(settings: Settings) -> float:
    stages = [s for m in settings.models for s in (m.encoder, m.denoiser, m.decoder)]
    wanted = sum(stage.replicas * stage.num_cpus for stage in stages)
    return wanted + CONTROL_CPUS * (1 + settings.http.gateways)


def _check_cluster(settings: Settings) -> None:
    stages = [s for m in settings.models for s in (m.encoder, m.denoiser, m.decoder)]
    wanted = sum(stage.replicas * stage.num_gpus for stage in stages)
    resources = ray.cluster_resources()
    found = resources.get("GPU", 0.0)
    if wanted > found:
        raise ServiceError(
            f"the models ask for {wanted:g} GPUs and the cluster has {found:g}: lower num_gpus "
            "or replicas of a stage, or add nodes."
        )
    cpus, found = _wanted_cpus(settings), resources.get("CPU", 0.0)
    if cpus > found:
        raise ServiceError(
            f"the replicas ask for {cpus:g} logical CPUs and the cluster has {found:g}: raise "
            "ray.num_cpus, lower num_cpus or replicas of a stage, or add nodes."
        )
    hosts = {node["NodeManagerHostname"] for node in ray.nodes() if node["Alive"]}
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
