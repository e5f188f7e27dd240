"""Whether objects are what their kinds allow: of Kubernetes, KubeRay and Prometheus' operator."""

import functools
import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate

from tests.unit.k8s.assembling import Manifest

KUBERNETES = "1.33"
CRDS = Path(
    os.environ.get("KUBERAY_CRDS") or Path(__file__).parents[4] / "shared" / "reference" / "crds"
)
"""Exported from KubeRay; not part of this repository."""
OF_RAY = {"RayService": "rayservice-v1.slim.json", "RayCluster": "raycluster-v1.slim.json"}
SCRAPE: dict[str, Any] = {  # of monitoring.coreos.com/v1alpha1, as far as we use it
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "jobName": {"type": "string"},
        "metricsPath": {"type": "string", "pattern": "^/"},
        "scrapeInterval": {"type": "string", "pattern": r"^\d+s$"},
        "staticConfigs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["targets"],
                "additionalProperties": False,
                "properties": {
                    "targets": {"type": "array", "items": {"type": "string"}},
                    "labels": {"additionalProperties": {"type": "string"}},
                },
            },
        },
        "kubernetesSDConfigs": {"type": "array", "items": {"required": ["role"]}},
        "relabelings": {
            "type": "array",
            "items": {
                "additionalProperties": False,
                "properties": {
                    "sourceLabels": {"type": "array", "items": {"type": "string"}},
                    "targetLabel": {"type": "string"},
                    "action": {"enum": ["keep", "drop", "replace"]},
                    "regex": {"type": "string"},
                    "replacement": {"type": "string"},
                },
            },
        },
    },
}


def fault_of(one: Manifest) -> str | None:
    """What is wrong with an object, in the words of its schema."""
    try:
        match one["kind"]:
            case "RayService" | "RayCluster":
                _check_ray(one)
            case "ScrapeConfig":
                jsonschema.validate(one["spec"], SCRAPE)
            case "PrometheusRule":  # promtool checks what is in it
                jsonschema.validate(one["spec"], {"required": ["groups"]})
            case _:
                kubernetes_validate.validate(one, KUBERNETES, strict=True)
    except (jsonschema.ValidationError, kubernetes_validate.ValidationError) as error:
        return f"{one['kind']} {one['metadata']['name']}: {str(error).splitlines()[0]}"
    return None


def as_cluster(service: Manifest) -> Manifest:
    """The RayCluster that KubeRay makes of a RayService."""
    spec = service["spec"]["rayClusterConfig"]
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayCluster",
        "metadata": {"name": "x"},
        "spec": spec,
    }


def _check_ray(one: Manifest) -> None:
    for error in _ray_validator(one["kind"]).iter_errors(one):
        raise error


@functools.cache
def _ray_validator(kind: str) -> jsonschema.Draft202012Validator:
    """The schema of KubeRay's CustomResourceDefinition, as JSON Schema."""
    definition = json.loads((CRDS / OF_RAY[kind]).read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator(_closed(definition["openAPIV3Schema"]))


def _closed(schema: Any) -> Any:
    """OpenAPI of Kubernetes as JSON Schema, where unknown keys are errors."""
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    out = {key: value for key, value in schema.items() if not key.startswith("x-kubernetes-")}
    if properties := out.get("properties"):
        out["properties"] = {name: _closed(inner) for name, inner in properties.items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            out.setdefault("additionalProperties", False)
    for key in ("items", "additionalProperties"):
        if key in out:
            out[key] = _closed(out[key])
    if out.pop("nullable", False):
        out["type"] = [out["type"], "null"]
    return out
