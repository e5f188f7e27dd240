"""Bringing the application up on Ray Serve, and saying in one line why it does not come up."""

import re
from collections.abc import Iterator
from typing import Any

from ray import serve as ray_serve
from ray.serve.schema import DeploymentStatus

from serve.service import ServiceError

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
