"""What we promise of the manifests beyond what others check: a function to what breaks each."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from serve.settings import Settings, SettingsError
from serve.settings.faults import check_variables
from tests.unit.k8s.assembling import Manifest
from tests.unit.k8s.placing import always
from tests.unit.k8s.pods import Pod, cluster, groups, pods, ray_service
from tests.unit.k8s.serve_config import config_of, settings_of

Promise = Callable[[list[Manifest]], Iterator[str]]
CONSTRAINTS = Path(__file__).parents[3] / "constraints.txt"
LONGEST_GOODBYE_S = 60
EVERYBODY: dict[str, Any] = {}
METRICS = {"serve": 8000, "metrics": 8080}


def a_head_that_does_no_work(objects: list[Manifest]) -> Iterator[str]:
    if groups(ray_service(objects))["head"].get("rayStartParams", {}).get("num-cpus") != "0":
        yield "the head takes replicas: set its num-cpus to 0"


def the_ray_that_was_tried(objects: list[Manifest]) -> Iterator[str]:
    tried = re.search(r"^ray==(.+)$", CONSTRAINTS.read_text(encoding="utf-8"), re.MULTILINE)
    said = cluster(ray_service(objects)).get("rayVersion")
    if tried is None or said != tried[1]:
        yield f"rayVersion is {said}, and constraints.txt has {tried and tried[1]}"


def one_image_for_all_of_ray(objects: list[Manifest]) -> Iterator[str]:
    images = {container["image"] for pod in _of_ray(objects) for container in pod.containers}
    if len(images) > 1:
        yield f"Ray's pods run {' and '.join(sorted(images))}"


def ports_that_probes_ask(objects: list[Manifest]) -> Iterator[str]:
    for pod in _of_ray(objects):
        ports = {one["name"]: one["containerPort"] for one in pod.spec["containers"][0]["ports"]}
        if not METRICS.items() <= ports.items():
            yield f"{pod.where}: ports are {ports}, and {METRICS} are asked"


def variables_that_are_settings(objects: list[Manifest]) -> Iterator[str]:
    """A wrong one would keep the service from starting, and so would those of service links."""
    for pod in _of_ray(objects):
        if pod.spec.get("enableServiceLinks", True):
            yield f"{pod.where}: Services named filmgate would become FILMGATE_ variables"
        names = [v["name"] for container in pod.containers for v in container.get("env", ())]
        try:
            check_variables(Settings, names)
        except SettingsError as error:
            yield f"{pod.where}: {error}"


def one_set_of_variables(objects: list[Manifest]) -> Iterator[str]:
    """Serve builds the application on any node, and its replicas get what it found there."""
    head, *workers = _of_ray(objects)
    wanted = head.spec["containers"][0]["env"]
    for pod in workers:
        if pod.spec["containers"][0]["env"] != wanted:
            yield f"{pod.where}: has other variables than the head"


def a_short_goodbye(objects: list[Manifest]) -> Iterator[str]:
    """Jobs go on from their checkpoints; Ray gets a moment to tell that a node is leaving."""
    for pod in _of_ray(objects):
        stop = pod.spec["containers"][0].get("lifecycle", {}).get("preStop", {}).get("exec", {})
        grace_s = pod.spec.get("terminationGracePeriodSeconds", 30)
        if stop.get("command", ())[:2] != ["ray", "stop"]:
            yield f"{pod.where}: does not stop Ray first"
        elif not int(stop["command"][-1]) < grace_s <= LONGEST_GOODBYE_S:
            yield f"{pod.where}: is given {grace_s} s to end"


def shared_memory_for_gpus(objects: list[Manifest]) -> Iterator[str]:
    for pod in _of_ray(objects):
        mounts = {m["mountPath"]: m["name"] for m in pod.spec["containers"][0]["volumeMounts"]}
        volumes = {one["name"]: one for one in pod.spec["volumes"]}
        memory = volumes.get(mounts.get("/dev/shm", ""), {}).get("emptyDir", {})
        if memory.get("medium") != "Memory" or "sizeLimit" not in memory:
            yield f"{pod.where}: /dev/shm is not memory of a stated size"
        elif _store_bytes(objects, pod) > 0.9 * int(memory["sizeLimit"].removesuffix("Gi")) * 2**30:
            yield f"{pod.where}: Ray's object store does not fit /dev/shm, and would be on the disk"


def nobody_with_privileges(objects: list[Manifest]) -> Iterator[str]:
    """What Pod Security's `restricted` asks for, which the namespace enforces."""
    for pod in pods(objects):
        whole = pod.spec.get("securityContext", {})
        if not whole.get("runAsNonRoot") or not whole.get("seccompProfile"):
            yield f"{pod.where}: may run as root, or with every system call"
        for container in pod.containers:
            own = container.get("securityContext", {})
            if own.get("allowPrivilegeEscalation") is not False:
                yield f"{pod.where}, {container['name']}: may gain privileges"
            if own.get("capabilities") != {"drop": ["ALL"]}:
                yield f"{pod.where}, {container['name']}: keeps capabilities"


def budgets_that_count(objects: list[Manifest]) -> Iterator[str]:
    """Pods of a RayCluster, which has no scale: a whole number, below what always runs."""
    least = always(ray_service(objects), settings_of(config_of(ray_service(objects))))
    for one in objects:
        if one["kind"] != "PodDisruptionBudget":
            continue
        spec, name = one["spec"], one["metadata"]["name"]
        kept = spec.get("minAvailable")
        if not isinstance(kept, int):
            yield f"{name}: only minAvailable counts here, as a whole number"
        elif spec.get("unhealthyPodEvictionPolicy") != "AlwaysAllow":
            yield f"{name}: keeps pods without replicas, which are never ready, from going"
        elif kept >= least.get(spec["selector"]["matchLabels"]["filmgate-pool"], 1):
            yield f"{name}: keeps {kept}, so that no node could be drained"


def gpus_only_for_replicas(objects: list[Manifest]) -> Iterator[str]:
    """An upgrade's second cluster begins with `minReplicas`, and the first never has fewer: with
    more than none, half of its replicas would give no GPU back."""
    for name, group in groups(ray_service(objects)).items():
        limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
        if "nvidia.com/gpu" in limits and group["minReplicas"]:
            yield f"group {name}: keeps {group['minReplicas']} pods with GPUs, replicas or not"


def nothing_by_default_but_names(objects: list[Manifest]) -> Iterator[str]:
    policies = [one["spec"] for one in objects if one["kind"] == "NetworkPolicy"]
    for_all = [spec for spec in policies if spec["podSelector"] == EVERYBODY]
    if not any({"Ingress", "Egress"} <= set(p["policyTypes"]) and len(p) == 2 for p in for_all):
        yield "no policy that lets nothing in or out by default"
    ports = {
        (p["protocol"], p["port"]) for s in for_all for e in s.get("egress", ()) for p in e["ports"]
    }
    if not {("UDP", 53), ("TCP", 53)} <= ports:
        yield "pods may not ask for names, and no worker finds the head"


def a_service_that_is_counted_once(objects: list[Manifest]) -> Iterator[str]:
    scrapes = [one["spec"] for one in objects if one["kind"] == "ScrapeConfig"]
    targets = [t for spec in scrapes for s in spec.get("staticConfigs", ()) for t in s["targets"]]
    if len(targets) > 1:
        yield f"{' and '.join(targets)} tell the same figures"
    found = (r for spec in scrapes if "kubernetesSDConfigs" in spec for r in spec["relabelings"])
    if scrapes and not any(r.get("regex") == "metrics" and r["action"] == "keep" for r in found):
        yield "pods are asked on other ports than Ray's own metrics"


def one_name_for_a_cluster(objects: list[Manifest]) -> Iterator[str]:
    """Dashboards choose by the label `cluster`, of the service's figures and of Ray's."""
    names = set()
    for spec in (one["spec"] for one in objects if one["kind"] == "ScrapeConfig"):
        labels = [static.get("labels", {}) for static in spec.get("staticConfigs", ())]
        relabelings = spec.get("relabelings", ())
        labels += [{r["targetLabel"]: r["replacement"]} for r in relabelings if "replacement" in r]
        names.add(next((label["cluster"] for label in labels if "cluster" in label), None))
    if len(names) > 1 or None in names:
        yield f"scrapes give the label cluster as {names}"


def an_operator_that_sees_all_or_nothing(objects: list[Manifest]) -> Iterator[str]:
    """kube-prometheus-stack takes what has its label: rules without figures would say nothing."""
    rules = [one for one in objects if one["kind"] == "PrometheusRule"]
    wanted = rules[0]["metadata"]["labels"] if rules else None
    for one in objects:
        if rules and one["kind"] == "ScrapeConfig" and one["metadata"].get("labels") != wanted:
            name = one["metadata"]["name"]
            yield f"ScrapeConfig {name} has other labels for the operator than its rules"


def _of_ray(objects: list[Manifest]) -> list[Pod]:
    return [pod for pod in pods(objects) if "ray.io/cluster" in pod.labels]


def _store_bytes(objects: list[Manifest], pod: Pod) -> float:
    """Left out, Ray takes a third of the pod's memory."""
    group = groups(ray_service(objects))[pod.where.rpartition(" ")[2]]
    return float(group.get("rayStartParams", {}).get("object-store-memory", "inf"))


PROMISES: tuple[Promise, ...] = (
    a_head_that_does_no_work,
    the_ray_that_was_tried,
    one_image_for_all_of_ray,
    ports_that_probes_ask,
    variables_that_are_settings,
    one_set_of_variables,
    a_short_goodbye,
    shared_memory_for_gpus,
    nobody_with_privileges,
    budgets_that_count,
    gpus_only_for_replicas,
    nothing_by_default_but_names,
    a_service_that_is_counted_once,
    one_name_for_a_cluster,
    an_operator_that_sees_all_or_nothing,
)
