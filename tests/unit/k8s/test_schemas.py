"""Every object is what its kind allows, and an error of each sort is noticed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.k8s.assembling import Manifest, assembled, find
from tests.unit.k8s.pods import cluster, groups, ray_service
from tests.unit.k8s.schemas import CRDS, as_cluster, fault_of

K8S = Path(__file__).parents[3] / "k8s"
needs_crds = pytest.mark.skipif(
    not CRDS.is_dir(), reason=f"no {CRDS}: RayService was NOT checked (KUBERAY_CRDS names another)"
)


def faults(objects: list[Manifest]) -> list[str]:
    return [fault for one in objects if (fault := fault_of(one))]


def of_ray(objects: list[Manifest]) -> list[Manifest]:
    service = ray_service(objects)
    return [service, as_cluster(service)]


def test_kubernetes_own_objects(objects: list[Manifest]) -> None:
    own = [one for one in objects if one["kind"] != "RayService"]
    assert len(own) > 10
    assert faults(own) == []


def test_the_job_that_fetches_checkpoints() -> None:
    assert faults(assembled(K8S / "fetch-weights")) == []


@needs_crds
def test_the_ray_service_and_its_cluster(objects: list[Manifest]) -> None:
    assert faults(of_ray(objects)) == []


def replicas_as_text(objects: list[Manifest]) -> None:
    find(objects, "StatefulSet", "gcs-store")["spec"]["replicas"] = "1"


def unknown_port_key(objects: list[Manifest]) -> None:
    find(objects, "Service", "filmgate")["spec"]["ports"][0]["prot"] = 1


def policy_of_no_type(objects: list[Manifest]) -> None:
    find(objects, "NetworkPolicy", "dns")["spec"]["policyTypes"] = "Egress"


def misspelt_target(objects: list[Manifest]) -> None:
    find(objects, "ScrapeConfig", "filmgate")["spec"]["staticConfigs"][0]["target"] = []


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        (replicas_as_text, "StatefulSet gcs-store: '1' is not of type"),
        (unknown_port_key, "Service filmgate: Additional properties are not allowed ('prot'"),
        (policy_of_no_type, "NetworkPolicy dns: 'Egress' is not of type"),
        (misspelt_target, "ScrapeConfig filmgate: Additional properties are not allowed ('target'"),
    ],
)
def test_a_planted_error(
    prod: list[Manifest], plant: Callable[[list[Manifest]], None], said: str
) -> None:
    plant(prod)
    (fault,) = faults([one for one in prod if one["kind"] != "RayService"])
    assert fault.startswith(said)


def no_least(service: Manifest) -> None:
    del cluster(service)["workerGroupSpecs"][0]["minReplicas"]
    del cluster(service)["workerGroupSpecs"][0]["template"]


def most_as_text(service: Manifest) -> None:
    groups(service)["decode"]["maxReplicas"] = "3"


def misspelt_upgrade(service: Manifest) -> None:
    service["spec"]["upgradeStrategy"]["clusterUpgradeOptions"]["stepSize"] = 25


def unknown_backend(service: Manifest) -> None:
    cluster(service)["gcsFaultToleranceOptions"]["backend"] = "etcd"


@needs_crds
@pytest.mark.parametrize(
    ("plant", "said"),
    [
        (no_least, "is a required property"),
        (most_as_text, "'3' is not of type 'integer'"),
        (misspelt_upgrade, "('stepSize' was unexpected)"),
        (unknown_backend, "'etcd' is not one of"),
    ],
)
def test_an_error_planted_in_the_ray_service(
    prod: list[Manifest], plant: Callable[[Manifest], None], said: str
) -> None:
    service = ray_service(prod)
    plant(service)
    assert said in str(fault_of(service))
