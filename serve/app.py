"""The composition root: settings become stores, deployments and one Ray Serve application."""

import asyncio
import contextlib
import logging
import math
import pkgutil
import threading
from collections.abc import Mapping
from typing import Any

import ray
from ray import serve as ray_serve
from rich.console import Console
from sqlalchemy.exc import DBAPIError

from serve.accounts.accounts import open_accounts
from serve.artifacts.location import open_artifacts
from serve.artifacts.store import ArtifactError
from serve.deployments.deploying import deploy, deploy_adapting, kept
from serve.deployments.gateway import Gateway
from serve.deployments.options import (
    Options,
    gang_options,
    gateway_options,
    scheduler_options,
    stage_options,
)
from serve.deployments.scheduler import Scheduler
from serve.jobs.database import opened
from serve.jobs.upgrade import upgrade
from serve.models import offered_models, open_checkpoint_of
from serve.plan import plan
from serve.pools import adapts, pools_of
from serve.resources import check_resources, wanted_cpus
from serve.service import (
    ServiceError,
    end_children,
    ignore_signals,
    interrupt_on_signal,
    marked,
)
from serve.settings import Settings
from serve.settings.sections import Model

APPLICATION = "filmgate"
STAGES = {
    "Encoder": "serve.deployments.encoder.Encoder",
    "Denoiser": "serve.deployments.denoiser.Denoiser",
    "Decoder": "serve.deployments.decoder.Decoder",
}
"""By name, so that only the replicas themselves import torch."""
BUILDER = "serve.app:application"
POLICY = "autoscaling.serve_policy:CapacityPolicy"
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def build(settings: Settings, *, stages: Mapping[str, str] = STAGES) -> Any:
    """The application: one Gateway deployment, one Scheduler, three stages a model.

    `stages` are the classes of the stages' replicas; a rehearsal has others.
    """
    values = settings.model_dump(mode="json")
    of_models = {model.name: _stages(values, model, settings, stages) for model in settings.models}
    scheduler = ray_serve.deployment(**scheduler_options(settings))(Scheduler)
    gateway = ray_serve.deployment(**gateway_options(settings))(ray_serve.ingress()(Gateway))
    return gateway.bind(values, scheduler.bind(values, of_models))


def _stages(
    values: dict[str, Any], model: Model, settings: Settings, stages: Mapping[str, str]
) -> dict[str, Any]:
    def bound(stage: str, options: Options, *more: Any) -> Any:
        return ray_serve.deployment(**options)(stages[stage]).bind(values, model.name, *more)

    pools = {(pool.stage, pool.shape): pool for pool in pools_of(settings, model.name)}
    encoders, decoders = pools["encode", None], pools["decode", None]
    return {
        "encoder": bound("Encoder", stage_options(encoders, model.encoder, settings)),
        "denoisers": {
            str(gangs.shape): bound(
                "Denoiser",
                gang_options(pools["denoise", str(gangs.shape)], model.denoiser, settings),
                gangs.shape,
            )
            for gangs in model.shapes
        },
        "decoder": bound("Decoder", stage_options(decoders, model.decoder, settings)),
    }


def application(args: dict[str, Any]) -> Any:
    """For a Serve config file: `import_path: serve.app:application`, `args` are settings."""
    return build(Settings.from_values(kept(args)))


def run(settings: Settings, *, builder: str = BUILDER) -> None:
    """Serve until SIGINT or SIGTERM. Raises `ServiceError` when something needed is missing.

    `builder` makes the application; it is a name because the cluster may have to call it.
    """
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
            console.print(f"logs: {_start(settings, host, builder)}")
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


def _start(settings: Settings, host: str, builder: str) -> str:
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
    values = settings.model_dump(mode="json")
    if adapts(settings):
        deploy_adapting(builder, values, policy=POLICY, name=APPLICATION, logs=logs)
    else:
        deploy(pkgutil.resolve_name(builder)(values), name=APPLICATION, logs=logs)
    return logs


def _logical_cpus(settings: Settings) -> float:
    return settings.ray.num_cpus or max(
        2, math.ceil(wanted_cpus(settings, at_most=adapts(settings)))
    )


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
