"""Whether a Serve config is one that Ray and filmgate would take, and not only bear.

Ray reads over keys that it does not know, so they are compared with its own schema's here.
"""

import inspect
import pkgutil
from collections.abc import Iterator
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError
from ray.serve.schema import ServeDeploySchema

from serve.settings import Settings, SettingsError
from serve.settings.serve_config import read_args
from tests.unit.k8s.assembling import Manifest

PORT = 8000


def config_of(service: Manifest) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(service["spec"]["serveConfigV2"])
    return config


def settings_of(config: dict[str, Any]) -> Settings:
    """Those that the application would be built with; secrets come from the environment."""
    return read_args(config["applications"][0]["args"])


def faults(config: dict[str, Any]) -> list[str]:
    """All that is wrong with a config."""
    found = [*unknown_keys(ServeDeploySchema, config), *_served(config)]
    try:
        ServeDeploySchema.model_validate(config)
        settings_of(config)
    except (ValidationError, SettingsError) as error:
        found.append(str(error))
    return found + [fault for app in config["applications"] for fault in _imports(app)]


def unknown_keys(schema: type[BaseModel], value: Any, where: str = "") -> Iterator[str]:
    for key, inner in value.items():
        if key not in schema.model_fields:
            yield f"Ray knows no {where}{key}"
            continue
        if nested := _model_in(schema.model_fields[key].annotation):
            for one in inner if isinstance(inner, list) else [inner]:
                if isinstance(one, dict):
                    yield from unknown_keys(nested, one, f"{where}{key}.")


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)


def _served(config: dict[str, Any]) -> Iterator[str]:
    """On the port that pods and Services name, on every node that has a replica."""
    http = config.get("http_options", {})
    if (http.get("host"), http.get("port")) != ("0.0.0.0", PORT):
        yield f"http_options: {http}, and pods answer on 0.0.0.0:{PORT}"
    if config.get("proxy_location") != "EveryNode":
        yield "proxy_location: the head does no work, so EveryNode has to answer"


def _imports(application: dict[str, Any]) -> Iterator[str]:
    policy = application.get("autoscaling_policy", {}).get("policy_function")
    if policy is None:
        yield f"{application['name']}: no autoscaling_policy: Serve's own knows no budget"
    for name in filter(None, (application["import_path"], policy)):
        try:
            pkgutil.resolve_name(name)
        except (ImportError, AttributeError) as error:
            yield f"{name}: {error}"
