"""The network lets through what filmgate needs, and nothing else."""

import pytest

from tests.unit.k8s.assembling import Manifest, find
from tests.unit.k8s.network import End, lets_through
from tests.unit.k8s.pods import pods

NAME = "kubernetes.io/metadata.name"
OPERATOR = End(namespace={NAME: "kuberay-system"})
CLIENT = End(namespace={NAME: "envoy-gateway-system", "filmgate-access": "yes"})
STRANGER = End(namespace={NAME: "default"})
NAMES = End(namespace={NAME: "kube-system"})
PUBLIC, PRIVATE = End(address="93.184.216.34"), End(address="10.96.0.1")
METADATA = End(address="169.254.169.254")
CACHE = End(address="169.254.20.10")
FETCHING = End(labels={"filmgate-pool": "fetch-weights"})


@pytest.fixture
def ends(objects: list[Manifest]) -> dict[str, End]:
    """Our pods by their pool, and who is not ours."""
    own = {pod.labels["filmgate-pool"]: End(labels=pod.labels) for pod in pods(objects)}
    return {
        **own,
        "fetch": FETCHING,
        "operator": OPERATOR,
        "client": CLIENT,
        "stranger": STRANGER,
        "names": NAMES,
        "cache": CACHE,
        "public": PUBLIC,
        "private": PRIVATE,
        "metadata": METADATA,
    }


NEEDED = (
    ("control", "head", 6379),
    ("head", "control", 31_000),
    ("control", "gcs-store", 6379),
    ("head", "gcs-store", 6379),
    ("operator", "head", 8265),
    ("operator", "head", 8000),
    ("client", "control", 8000),
    ("client", "control", 8080),
    ("control", "public", 443),
    ("control", "private", 5432),
    ("head", "private", 443),
    ("fetch", "public", 443),
)
REFUSED = (
    ("stranger", "head", 8265),
    ("stranger", "control", 8000),
    ("client", "head", 8265),
    ("client", "gcs-store", 6379),
    ("control", "private", 443),
    ("control", "metadata", 80),
    ("control", "public", 22),
    ("gcs-store", "public", 443),
    ("fetch", "head", 8265),
    ("fetch", "gcs-store", 6379),
)


@pytest.mark.parametrize(("caller", "to", "port"), NEEDED)
def test_what_is_needed_gets_through(
    objects: list[Manifest], ends: dict[str, End], caller: str, to: str, port: int
) -> None:
    assert lets_through(objects, ends[caller], ends[to], port)


@pytest.mark.parametrize("to", ["names", "cache"])
def test_everybody_may_ask_for_names(
    objects: list[Manifest], ends: dict[str, End], to: str
) -> None:
    for name, end in ends.items():
        assert lets_through(objects, end, ends[to], 53, protocol="UDP"), name


@pytest.mark.parametrize(("caller", "to", "port"), REFUSED)
def test_nothing_else_does(
    objects: list[Manifest], ends: dict[str, End], caller: str, to: str, port: int
) -> None:
    assert not lets_through(objects, ends[caller], ends[to], port)


def test_devs_database_is_reached(all_overlays: dict[str, list[Manifest]]) -> None:
    dev = all_overlays["dev"]
    own = {pod.labels["filmgate-pool"]: End(labels=pod.labels) for pod in pods(dev)}
    assert lets_through(dev, own["control"], own["postgres"], 5432)
    assert not lets_through(dev, CLIENT, own["postgres"], 5432)


@pytest.mark.parametrize(
    ("policy", "caller", "to", "port"),
    [
        ("ray", "control", "head", 6379),
        ("outside", "control", "gcs-store", 6379),
        ("gcs-store", "control", "gcs-store", 6379),
        ("operator", "operator", "head", 8265),
        ("access", "client", "control", 8000),
        ("autoscaler", "head", "private", 443),
    ],
)
def test_a_policy_that_is_missed(
    objects: list[Manifest], ends: dict[str, End], policy: str, caller: str, to: str, port: int
) -> None:
    objects.remove(find(objects, "NetworkPolicy", policy))
    assert not lets_through(objects, ends[caller], ends[to], port)
