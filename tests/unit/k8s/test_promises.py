"""The manifests keep what docs/kubernetes.md says of them, and what breaks it is noticed."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.k8s.assembling import Manifest, find
from tests.unit.k8s.pods import cluster, groups, ray_service
from tests.unit.k8s.promises import PROMISES


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMGATE_DATABASE__URL", "postgresql+asyncpg://someone@somewhere/filmgate")


def broken(objects: list[Manifest]) -> list[str]:
    return [found for promise in PROMISES for found in promise(objects)]


def test_all_are_kept(objects: list[Manifest]) -> None:
    assert broken(objects) == []


def pod_of(objects: list[Manifest], group: str = "decode") -> dict[str, Any]:
    found: dict[str, Any] = groups(ray_service(objects))[group]["template"]["spec"]
    return found


def container_of(objects: list[Manifest], group: str = "decode") -> dict[str, Any]:
    found: dict[str, Any] = pod_of(objects, group)["containers"][0]
    return found


def working_head(objects: list[Manifest]) -> None:
    del groups(ray_service(objects))["head"]["rayStartParams"]["num-cpus"]


def other_ray(objects: list[Manifest]) -> None:
    cluster(ray_service(objects))["rayVersion"] = "2.59.0"


def other_image(objects: list[Manifest]) -> None:
    container_of(objects)["image"] = "registry.example/filmgate:0.2.0-cuda"


def unnamed_port(objects: list[Manifest]) -> None:
    container_of(objects)["ports"][0]["name"] = "http"


def service_links(objects: list[Manifest]) -> None:
    del pod_of(objects)["enableServiceLinks"]


def unknown_variable(objects: list[Manifest]) -> None:
    for group in groups(ray_service(objects)).values():
        env = group["template"]["spec"]["containers"][0]["env"]
        group["template"]["spec"]["containers"][0]["env"] = [*env, {"name": "FILMGATE_BUCKET"}]


def no_database(objects: list[Manifest]) -> None:
    container_of(objects)["env"] = container_of(objects)["env"][1:]


def long_goodbye(objects: list[Manifest]) -> None:
    pod_of(objects)["terminationGracePeriodSeconds"] = 3600


def no_goodbye(objects: list[Manifest]) -> None:
    del container_of(objects)["lifecycle"]


def little_shared_memory(objects: list[Manifest]) -> None:
    pod_of(objects)["volumes"][0]["emptyDir"] = {}


def large_store(objects: list[Manifest]) -> None:
    groups(ray_service(objects))["decode"]["rayStartParams"] = {}


def root(objects: list[Manifest]) -> None:
    del pod_of(objects)["securityContext"]["runAsNonRoot"]


def privileges(objects: list[Manifest]) -> None:
    container_of(objects)["securityContext"] = {"capabilities": {"drop": ["ALL"]}}


def part_of_all(objects: list[Manifest]) -> None:
    spec = find(objects, "PodDisruptionBudget", "filmgate-decode")["spec"]
    spec["minAvailable"] = "50%"


def none_may_go(objects: list[Manifest]) -> None:
    find(objects, "PodDisruptionBudget", "filmgate-decode")["spec"]["minAvailable"] = 2


def unready_stay(objects: list[Manifest]) -> None:
    del find(objects, "PodDisruptionBudget", "filmgate-decode")["spec"][
        "unhealthyPodEvictionPolicy"
    ]


def idle_gpus(objects: list[Manifest]) -> None:
    groups(ray_service(objects))["gang-4"]["minReplicas"] = 2


def no_names(objects: list[Manifest]) -> None:
    objects.remove(find(objects, "NetworkPolicy", "dns"))


def all_open(objects: list[Manifest]) -> None:
    objects.remove(find(objects, "NetworkPolicy", "nothing-by-default"))


def counted_twice(objects: list[Manifest]) -> None:
    spec = find(objects, "ScrapeConfig", "filmgate")["spec"]
    spec["staticConfigs"][0]["targets"].append("filmgate-serve-svc.filmgate.svc:8000")


def counted_per_pod(objects: list[Manifest]) -> None:
    for relabeling in find(objects, "ScrapeConfig", "filmgate-ray")["spec"]["relabelings"]:
        relabeling["regex"] = ".+"


def overlooked(objects: list[Manifest]) -> None:
    del find(objects, "ScrapeConfig", "filmgate")["metadata"]["labels"]


def other_cluster(objects: list[Manifest]) -> None:
    spec = find(objects, "ScrapeConfig", "filmgate")["spec"]
    spec["staticConfigs"][0]["labels"] = {"cluster": "second"}


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        (working_head, "the head takes replicas"),
        (other_ray, "rayVersion is 2.59.0"),
        (other_image, "0.1.0-cuda and registry.example/filmgate:0.2.0-cuda"),
        (unnamed_port, "group decode: ports are"),
        (service_links, "would become FILMGATE_ variables"),
        (unknown_variable, "FILMGATE_BUCKET"),
        (no_database, "group decode: has other variables than the head"),
        (long_goodbye, "is given 3600 s to end"),
        (no_goodbye, "does not stop Ray first"),
        (little_shared_memory, "/dev/shm is not memory"),
        (large_store, "Ray's object store does not fit /dev/shm"),
        (root, "group decode: may run as root"),
        (privileges, "ray-worker: may gain privileges"),
        (part_of_all, "only minAvailable counts here"),
        (none_may_go, "no node could be drained"),
        (unready_stay, "keeps pods without replicas"),
        (idle_gpus, "group gang-4: keeps 2 pods with GPUs, replicas or not"),
        (no_names, "no worker finds the head"),
        (all_open, "nothing in or out by default"),
        (counted_twice, "tell the same figures"),
        (counted_per_pod, "other ports than Ray's own"),
        (overlooked, "ScrapeConfig filmgate has other labels for the operator than its rules"),
        (other_cluster, "scrapes give the label cluster as"),
    ],
)
def test_a_planted_error(
    prod: list[Manifest], plant: Callable[[list[Manifest]], None], said: str
) -> None:
    plant(prod)
    found = broken(prod)
    assert found
    assert all(said in each for each in found)
