"""What KubeRay's operator refuses although the schema allows it (its validation.go, of v1.7).

Each rule is a function of a RayService to what is wrong with it, and is named for what it wants.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from tests.unit.k8s.assembling import Manifest
from tests.unit.k8s.pods import cluster, groups

Rule = Callable[[Manifest], Iterator[str]]
DNS_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
LONGEST_NAME = 47
UPGRADES = ("NewCluster", "NewClusterWithIncrementalUpgrade", "None")
START_RESOURCES = ("num-cpus", "num-gpus", "memory", "resources")
OF_REDIS = ("RAY_REDIS_ADDRESS", "REDIS_PASSWORD", "REDIS_USERNAME")
FIRST_WITH_TOKENS = (2, 52)


def a_short_dns_name(service: Manifest) -> Iterator[str]:
    name = service["metadata"]["name"]
    if len(name) > LONGEST_NAME or not DNS_1035.fullmatch(name):
        yield f"name {name} is longer than {LONGEST_NAME} or no DNS-1035 label"


def a_positive_time_to_start(service: Manifest) -> Iterator[str]:
    said = service["metadata"].get("annotations", {}).get("ray.io/initializing-timeout")
    if said is not None and not re.fullmatch(r"[1-9]\d*([smh]([1-9]\d*[sm])*)?", said):
        yield f"ray.io/initializing-timeout is {said}: it must be like 30m or a number of seconds"


def a_container_in_each_group(service: Manifest) -> Iterator[str]:
    for name, group in groups(service).items():
        if not group["template"]["spec"].get("containers"):
            yield f"group {name} has no container"


def a_known_upgrade(service: Manifest) -> Iterator[str]:
    kind = service["spec"].get("upgradeStrategy", {}).get("type")
    if kind not in UPGRADES:
        yield f"upgradeStrategy.type is {kind}"


def an_incremental_upgrade_by_steps(service: Manifest) -> Iterator[str]:
    strategy = service["spec"].get("upgradeStrategy", {})
    if strategy.get("type") != "NewClusterWithIncrementalUpgrade":
        return
    options = strategy.get("clusterUpgradeOptions", {})
    step, surge = options.get("stepSizePercent", -1), options.get("maxSurgePercent", 100)
    if not cluster(service).get("enableInTreeAutoscaling"):
        yield "an incremental upgrade needs the autoscaler"
    if not 0 <= step <= surge <= 100:
        yield f"stepSizePercent {step} and maxSurgePercent {surge}: 0 <= step <= surge <= 100"
    if options.get("intervalSeconds", 0) <= 0:
        yield "intervalSeconds must be above 0"
    if not options.get("gatewayClassName"):
        yield "gatewayClassName is not set"


def pods_that_the_autoscaler_may_restart(service: Manifest) -> Iterator[str]:
    if not cluster(service).get("enableInTreeAutoscaling"):
        return
    for name, group in groups(service).items():
        if (policy := group["template"]["spec"].get("restartPolicy", "Never")) != "Never":
            yield f"group {name}: restartPolicy {policy}, and autoscaler v2 wants Never"
    if "RAY_enable_autoscaler_v2" in _variables(groups(service)["head"]):
        yield "RAY_enable_autoscaler_v2 is set beside autoscalerOptions.version"


def bounds_in_order(service: Manifest) -> Iterator[str]:
    for group in cluster(service)["workerGroupSpecs"]:
        least, most = group["minReplicas"], group["maxReplicas"]
        if not 0 <= least <= group.get("replicas", least) <= most:
            yield f"group {group['groupName']}: minReplicas {least}, maxReplicas {most}"


def resources_in_one_place(service: Manifest) -> Iterator[str]:
    for name, group in groups(service).items():
        params = group.get("rayStartParams", {})
        if group.get("resources") and any(key in params for key in START_RESOURCES):
            yield f"group {name}: resources both in rayStartParams and beside them"
        if "labels" in params:
            yield f"group {name}: labels belong beside rayStartParams"


def gcs_options_alone(service: Manifest) -> Iterator[str]:
    options = cluster(service).get("gcsFaultToleranceOptions")
    annotations = service["metadata"].get("annotations", {})
    head = groups(service)["head"]
    if options and annotations.keys() & {"ray.io/ft-enabled", "ray.io/external-storage-namespace"}:
        yield "fault tolerance both by annotation and by gcsFaultToleranceOptions"
    for name in OF_REDIS:
        if name in _variables(head):
            yield f"{name} of the head belongs into gcsFaultToleranceOptions"
    if {"redis-password", "redis-username"} & head.get("rayStartParams", {}).keys():
        yield "redis in rayStartParams belongs into gcsFaultToleranceOptions"
    if options and options.get("backend") == "rocksdb" and any("redis" in key for key in options):
        yield "rocksdb excludes redis"


def tokens_that_ray_knows(service: Manifest) -> Iterator[str]:
    options = cluster(service).get("authOptions", {})
    if options.get("mode") != "token":
        return
    said = cluster(service).get("rayVersion", "0.0")
    if tuple(int(part) for part in said.split(".")[:2]) < FIRST_WITH_TOKENS:
        yield f"authOptions.mode token needs rayVersion 2.52 or newer, and it is {said}"
    if options.get("enableK8sTokenAuth"):
        yield "enableK8sTokenAuth is refused for a RayService"


def a_head_service_of_the_operators(service: Manifest) -> Iterator[str]:
    if groups(service)["head"].get("headService", {}).get("metadata", {}).get("name"):
        yield "headService has a name"


def no_dead_fields(service: Manifest) -> Iterator[str]:
    for key in ("serviceUnhealthySecondThreshold", "deploymentUnhealthySecondThreshold"):
        if key in service["spec"]:
            yield f"{key} does nothing any more"


def _variables(group: dict[str, Any]) -> set[str]:
    return {one["name"] for one in group["template"]["spec"]["containers"][0].get("env", ())}


RULES: tuple[Rule, ...] = (
    a_short_dns_name,
    a_positive_time_to_start,
    a_container_in_each_group,
    a_known_upgrade,
    an_incremental_upgrade_by_steps,
    pods_that_the_autoscaler_may_restart,
    bounds_in_order,
    resources_in_one_place,
    gcs_options_alone,
    tokens_that_ray_knows,
    a_head_service_of_the_operators,
    no_dead_fields,
)
