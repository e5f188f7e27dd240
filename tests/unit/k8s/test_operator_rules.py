"""KubeRay's operator would take our RayServices, and each thing that it would not is noticed."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.k8s.assembling import Manifest
from tests.unit.k8s.operator_rules import RULES
from tests.unit.k8s.pods import cluster, groups, ray_service


def findings(service: Manifest) -> list[str]:
    return [found for rule in RULES for found in rule(service)]


def test_nothing_is_refused(objects: list[Manifest]) -> None:
    assert findings(ray_service(objects)) == []


def put(*path: str, value: Any) -> Callable[[Manifest], None]:
    """Set a value of the RayService; `*` in the path is the group decode."""

    def plant(service: Manifest) -> None:
        place: Any = service
        for key in path[:-1]:
            place = groups(service)["decode"] if key == "*" else place.setdefault(key, {})
        place[path[-1]] = value

    return plant


def no_container(service: Manifest) -> None:
    groups(service)["decode"]["template"]["spec"]["containers"] = []


def no_autoscaler(service: Manifest) -> None:
    cluster(service)["enableInTreeAutoscaling"] = False


def variable(name: str) -> Callable[[Manifest], None]:
    def plant(service: Manifest) -> None:
        container = groups(service)["head"]["template"]["spec"]["containers"][0]
        container["env"].append({"name": name, "value": "1"})

    return plant


HEAD = ("spec", "rayClusterConfig", "headGroupSpec")
OPTIONS = ("spec", "upgradeStrategy", "clusterUpgradeOptions")
ANNOTATIONS = ("metadata", "annotations")
AUTH = ("spec", "rayClusterConfig", "authOptions")


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        (put("metadata", "name", value="f" * 48), "longer than 47"),
        (put("metadata", "name", value="film_gate"), "no DNS-1035 label"),
        (put(*ANNOTATIONS, "ray.io/initializing-timeout", value="soon"), "is soon"),
        (no_container, "group decode has no container"),
        (put("spec", "upgradeStrategy", "type", value="Rolling"), "type is Rolling"),
        (no_autoscaler, "needs the autoscaler"),
        (put(*OPTIONS, "stepSizePercent", value=60), "0 <= step <= surge <= 100"),
        (put(*OPTIONS, "maxSurgePercent", value=120), "0 <= step <= surge <= 100"),
        (put(*OPTIONS, "intervalSeconds", value=0), "intervalSeconds"),
        (put(*OPTIONS, "gatewayClassName", value=""), "gatewayClassName"),
        (put("*", "template", "spec", "restartPolicy", value="Always"), "wants Never"),
        (variable("RAY_enable_autoscaler_v2"), "beside autoscalerOptions.version"),
        (put("*", "minReplicas", value=9), "minReplicas 9, maxReplicas 3"),
        (put("*", "rayStartParams", value={"num-gpus": "1"}), "both in rayStartParams"),
        (put("*", "rayStartParams", value={"labels": "a=b"}), "labels belong beside"),
        (put(*ANNOTATIONS, "ray.io/ft-enabled", value="true"), "both by annotation"),
        (variable("RAY_REDIS_ADDRESS"), "RAY_REDIS_ADDRESS of the head"),
        (variable("REDIS_PASSWORD"), "REDIS_PASSWORD of the head"),
        (put(*HEAD, "rayStartParams", "redis-password", value="x"), "redis in rayStartParams"),
        (
            put("spec", "rayClusterConfig", "gcsFaultToleranceOptions", "backend", value="rocksdb"),
            "rocksdb excludes redis",
        ),
        (put("spec", "rayClusterConfig", "rayVersion", value="2.51.0"), "needs rayVersion 2.52"),
        (put(*AUTH, "enableK8sTokenAuth", value=True), "refused for a RayService"),
        (put(*HEAD, "headService", "metadata", "name", value="x"), "headService has a name"),
        (put("spec", "serviceUnhealthySecondThreshold", value=9), "does nothing any more"),
    ],
)
def test_a_planted_error(
    prod: list[Manifest], plant: Callable[[Manifest], None], said: str
) -> None:
    service = ray_service(prod)
    plant(service)
    (found,) = findings(service)
    assert said in found
