"""What objects say of each other: secrets, volumes, ports, labels, images. What leads nowhere."""

import re
from collections.abc import Iterator
from typing import Any

from tests.unit.k8s.assembling import Manifest
from tests.unit.k8s.pods import Pod, cluster, pods, ray_service

VERSIONED = re.compile(r"[a-z0-9.-]+(?:[/:][a-z0-9._-]+)*:(?!latest$)[A-Za-z0-9][\w.-]*")
Labels = dict[str, str]


def dangling(objects: list[Manifest], given: list[Manifest]) -> list[str]:
    """All of it; `given` are secrets that somebody makes by hand."""
    found = [*_of_ray(objects, given), *_selectors(objects), *_scraped(objects)]
    for pod in pods(objects):
        found += [*_secrets(pod, objects, given), *_volumes(pod, objects), *_images(pod)]
        found += _named(pod, objects)
    return found


def _secrets(pod: Pod, objects: list[Manifest], given: list[Manifest]) -> Iterator[str]:
    for container in pod.containers:
        for variable in container.get("env", ()):
            source = variable.get("valueFrom", {}).get("secretKeyRef")
            if source and not _has_key(source, [*objects, *given]):
                yield f"{pod.where}: no secret {source['name']} with the key {source['key']}"


def _has_key(source: dict[str, Any], objects: list[Manifest]) -> bool:
    secrets = {one["metadata"]["name"]: one for one in objects if one["kind"] == "Secret"}
    if source["name"] not in secrets:
        return bool(source.get("optional"))
    secret = secrets[source["name"]]
    return source["key"] in {**secret.get("data", {}), **secret.get("stringData", {})}


def _volumes(pod: Pod, objects: list[Manifest]) -> Iterator[str]:
    volumes = {volume["name"]: volume for volume in pod.spec.get("volumes", ())}
    mounted = {
        mount["name"] for container in pod.containers for mount in container.get("volumeMounts", ())
    }
    for name in sorted(mounted - volumes.keys() - set(pod.claims)):
        yield f"{pod.where}: mounts {name}, which is no volume of it"
    for name in sorted(volumes.keys() - mounted):
        yield f"{pod.where}: nobody mounts {name}"
    claims = _names(objects, "PersistentVolumeClaim")
    maps = _names(objects, "ConfigMap")
    for volume in volumes.values():
        claim = volume.get("persistentVolumeClaim", {}).get("claimName")
        if claim and claim not in claims:
            yield f"{pod.where}: no PersistentVolumeClaim {claim}"
        if (source := volume.get("configMap")) and source["name"] not in maps:
            yield f"{pod.where}: no ConfigMap {source['name']}"


def _images(pod: Pod) -> Iterator[str]:
    for container in pod.containers:
        if not VERSIONED.fullmatch(container["image"]):
            yield f"{pod.where}: image {container['image']} has no version"


def _named(pod: Pod, objects: list[Manifest]) -> Iterator[str]:
    account, priority = pod.spec.get("serviceAccountName"), pod.spec.get("priorityClassName")
    if account and account not in _names(objects, "ServiceAccount"):
        yield f"{pod.where}: no ServiceAccount {account}"
    if priority and priority not in _names(objects, "PriorityClass"):
        yield f"{pod.where}: no PriorityClass {priority}"
    for spread in pod.spec.get("topologySpreadConstraints", ()):
        if not _selects(spread["labelSelector"], pod.labels):
            yield f"{pod.where}: is not among those that it is spread with"


def _selectors(objects: list[Manifest]) -> Iterator[str]:
    """Services, budgets and policies select some pods; a Service's port is one of theirs."""
    everywhere = list(pods(objects))
    outside = {"filmgate-pool": "fetch-weights"}  # a job of its own
    for one in objects:
        where, spec = f"{one['kind']} {one['metadata']['name']}", one.get("spec", {})
        for selector in _selectors_of(one):
            chosen = [pod for pod in everywhere if _selects(selector, pod.labels)]
            if not chosen and not _selects(selector, outside):
                yield f"{where}: selects no pod"
        if one["kind"] == "Service":
            labels = {"matchLabels": spec["selector"]}
            chosen = [pod for pod in everywhere if _selects(labels, pod.labels)]
            known = {port["name"] for pod in chosen for port in _ports(pod)}
            for port in spec["ports"]:
                if port["targetPort"] not in known:
                    yield f"{where}: no port {port['targetPort']} in its pods"


def _selectors_of(one: Manifest) -> Iterator[dict[str, Any]]:
    spec = one.get("spec", {})
    match one["kind"]:
        case "Service":
            yield {"matchLabels": spec["selector"]}
        case "PodDisruptionBudget" | "StatefulSet":
            yield spec["selector"]
        case "NetworkPolicy":
            yield spec["podSelector"]
            for rule in (*spec.get("ingress", ()), *spec.get("egress", ())):
                for peer in (*rule.get("from", ()), *rule.get("to", ())):
                    if "podSelector" in peer:
                        yield peer["podSelector"]


def _of_ray(objects: list[Manifest], given: list[Manifest]) -> Iterator[str]:
    """Ray's store is a Service of ours, with a password that exists."""
    options = cluster(ray_service(objects))["gcsFaultToleranceOptions"]
    host, _, port = options["redisAddress"].partition(":")
    if (host, int(port)) not in _addresses(objects):
        yield f"redisAddress {host}:{port}: no such Service"
    source = options["redisPassword"]["valueFrom"]["secretKeyRef"]
    if not _has_key(source, [*objects, *given]):
        yield f"redisPassword: no secret {source['name']} with the key {source['key']}"


def _scraped(objects: list[Manifest]) -> Iterator[str]:
    addresses = {f"{host}.filmgate.svc:{port}" for host, port in _addresses(objects)}
    for one in objects:
        for static in one.get("spec", {}).get("staticConfigs", ()):
            for target in set(static["targets"]) - addresses:
                yield f"ScrapeConfig {one['metadata']['name']}: no Service at {target}"


def _addresses(objects: list[Manifest]) -> set[tuple[str, int]]:
    services = [one for one in objects if one["kind"] == "Service"]
    return {(one["metadata"]["name"], p["port"]) for one in services for p in one["spec"]["ports"]}


def _ports(pod: Pod) -> Iterator[dict[str, Any]]:
    for container in pod.containers:
        yield from container.get("ports", ())


def _names(objects: list[Manifest], kind: str) -> set[str]:
    return {one["metadata"]["name"] for one in objects if one["kind"] == kind}


def _selects(selector: dict[str, Any], labels: Labels) -> bool:
    exact = selector.get("matchLabels", {}).items() <= labels.items()
    present = (wanted["key"] in labels for wanted in selector.get("matchExpressions", ()))
    return exact and all(present)  # `Exists` is the only operator that we use
