"""The composition root: settings become stores, deployments and one Ray Serve application."""

import asyncio
import contextlib
import logging
import math
import pkgutil
import threading
import time
from collections.abc import Mapping
from typing import Any

import ray
from ray import serve as ray_serve
from ray.serve.exceptions import RayServeException
from rich.console import Console

from serve.deployments.deploying import born_at, deploy, deploy_adapting, keep, kept
from serve.deployments.gateway import Gateway
from serve.deployments.options import (
    Options,
    gang_options,
    gateway_options,
    scheduler_options,
    stage_options,
)
from serve.deployments.scheduler import Scheduler
from serve.plan import plan
from serve.pools import adapts, pools_of
from serve.preparing import FAULTS, from_serve_config, prepare_stores, settled
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
    return gateway.bind(values, scheduler.bind(values, of_models, born_at(time.time())))


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
    """For a Serve config: `import_path: serve.app:application`, `args` are settings."""
    return build(settings_of(args))


def settings_of(args: dict[str, Any]) -> Settings:
    """Those that `filmgate serve` has kept, or those of a Serve config, once all is prepared.

    What is wrong is raised as Serve's own kind of error, which it shows as it is and does not
    try again.
    """
    try:
        return kept(args) or from_serve_config(args)
    except FAULTS as error:
        raise RayServeException(str(error)) from error


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
        openly = asyncio.run(prepare_stores(settings))
        host = _address(settings, openly)
        settings = settled(settings, openly)
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


def _address(settings: Settings, openly: bool) -> str:
    """Where to listen: without keys, on loopback only."""
    host = settings.http.host or (LOOPBACK[0] if openly else "0.0.0.0")
    if openly and host not in LOOPBACK:
        raise ServiceError(
            f"no API key exists, so filmgate listens on loopback only, not on {host}: make a key "
            "first (filmgate keys create --account NAME), or leave http.host out."
        )
    return host


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
    args = keep(settings, APPLICATION)
    if adapts(settings):
        deploy_adapting(builder, args, policy=POLICY, name=APPLICATION, logs=logs)
    else:
        deploy(pkgutil.resolve_name(builder)(args), name=APPLICATION, logs=logs)
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
