"""Bringing the application up on Ray Serve, and saying in one line why it does not come up.

A policy for all replicas together can only be given with a config, as one would write it for a
cluster. Serve then builds the application itself, somewhere in the cluster, and writes what it is
built from into its log: so the settings, which hold passwords, are kept in the cluster's own store
under a name, and only that name is in the config.
"""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

from ray import serve as ray_serve
from ray.experimental.internal_kv import _internal_kv_get, _internal_kv_put
from ray.serve.context import _get_global_client
from ray.serve.schema import ApplicationStatus, DeploymentStatus, ServeDeploySchema

from serve.service import ServiceError
from serve.settings import Settings

KEPT = "kept"
BORN_AT = "born_at"
NAMESPACE = "filmgate"
LOOK_EVERY_S = 0.2
FAILED = (DeploymentStatus.DEPLOY_FAILED, DeploymentStatus.UNHEALTHY)
RAISED = re.compile(r"^(?:\w+\.)*([A-Z]\w*: (?!Traceback ).+)$", re.MULTILINE)
"""An exception with a message, as the last line of a traceback has it."""


def deploy(application: Any, *, name: str, logs: str) -> None:
    """Return once every replica is there; raises `ServiceError` with what one of them raised."""
    try:
        ray_serve.run(application, name=name, route_prefix="/")
    except RuntimeError as error:
        faults = sorted(set(_faults(name))) or [last_words(str(error))]
        raise ServiceError(f"{'; '.join(faults)} (the replicas' logs: {logs})") from error


def deploy_adapting(
    builder: str, args: dict[str, Any], *, policy: str, name: str, logs: str
) -> None:
    """As `deploy`, with `policy` deciding how many replicas there are.

    `builder` is the name of what makes the application of `args`. A config is about all
    applications that came with one: Serve would delete those that are not in it.
    """
    if others := sorted(set(ray_serve.status().applications) - {name}):
        raise ServiceError(
            f"Ray Serve runs {', '.join(others)} on this cluster already: use another one, "
            f"write {name} into the same Serve config, or set capacity.enabled to false."
        )
    application = {
        "name": name,
        "route_prefix": "/",
        "import_path": builder,
        "args": args,
        "autoscaling_policy": {"policy_function": policy},
    }
    client = _get_global_client()
    client.deploy_apps(ServeDeploySchema.model_validate({"applications": [application]}))
    while (found := _status_of(name)) is not ApplicationStatus.RUNNING:
        if found in (ApplicationStatus.DEPLOY_FAILED, ApplicationStatus.UNHEALTHY):
            faults = sorted(set(_faults(name))) or [last_words(_message_of(name))]
            raise ServiceError(f"{'; '.join(faults)} (the replicas' logs: {logs})")
        time.sleep(LOOK_EVERY_S)
    client.wait_for_proxies_serving()


def keep(settings: Settings, name: str) -> dict[str, Any]:
    """Put the settings into the cluster's store; the args that lead there."""
    _internal_kv_put(name, settings.model_dump_json(), namespace=NAMESPACE)
    return {KEPT: name}


def kept(args: dict[str, Any]) -> Settings | None:
    """The settings that are kept under the name which `args` have, if they have one."""
    if set(args) != {KEPT}:
        return None
    return Settings.from_values(json.loads(_internal_kv_get(args[KEPT], namespace=NAMESPACE)))


def born_at(now: float) -> float:
    """When filmgate was first deployed on this cluster: what tells it from others, in order."""
    _internal_kv_put(BORN_AT, json.dumps(now), overwrite=False, namespace=NAMESPACE)
    return float(json.loads(_internal_kv_get(BORN_AT, namespace=NAMESPACE)))


def _status_of(name: str) -> ApplicationStatus | None:
    found = ray_serve.status().applications.get(name)
    return found.status if found else None


def _message_of(name: str) -> str:
    found = ray_serve.status().applications.get(name)
    return str(found.message) if found else ""


def last_words(said: str) -> str:
    """What a traceback ends with: a replica's innermost one is the last of its message."""
    if raised := RAISED.findall(said):
        return str(raised[-1]).strip()
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason was given"


def _faults(name: str) -> Iterator[str]:
    found = ray_serve.status().applications.get(name)
    for deployment, overview in found.deployments.items() if found else ():
        if overview.status in FAILED:
            yield f"{deployment} does not start: {last_words(overview.message)}"
