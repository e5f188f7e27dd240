"""Every secret, volume, port, label and image that is named is there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.k8s.assembling import Manifest, find
from tests.unit.k8s.pods import cluster, groups, ray_service
from tests.unit.k8s.references import dangling

EXAMPLES = Path(__file__).parents[3] / "k8s" / "overlays" / "prod" / "secrets.example.yaml"


def by_hand() -> list[Manifest]:
    """The secrets that an operator makes before prod is applied."""
    return list(yaml.safe_load_all(EXAMPLES.read_text(encoding="utf-8")))


def test_everything_leads_somewhere(objects: list[Manifest], overlay: str) -> None:
    assert dangling(objects, [] if overlay == "dev" else by_hand()) == []


def pod_of(objects: list[Manifest], group: str = "decode") -> dict[str, Any]:
    found: dict[str, Any] = groups(ray_service(objects))[group]["template"]["spec"]
    return found


def other_key(objects: list[Manifest]) -> None:
    variable = pod_of(objects)["containers"][0]["env"][0]
    variable["valueFrom"]["secretKeyRef"]["key"] = "uri"


def other_secret(objects: list[Manifest]) -> None:
    options = cluster(ray_service(objects))["gcsFaultToleranceOptions"]
    options["redisPassword"]["valueFrom"]["secretKeyRef"]["name"] = "redis"


def other_volume(objects: list[Manifest]) -> None:
    pod_of(objects)["containers"][0]["volumeMounts"][0]["name"] = "shm"


def other_claim(objects: list[Manifest]) -> None:
    pod_of(objects)["volumes"][2]["persistentVolumeClaim"]["claimName"] = "weights"


def no_map(objects: list[Manifest]) -> None:
    pod = pod_of(objects)
    pod["volumes"].append({"name": "extra", "configMap": {"name": "nowhere"}})
    pod["containers"][0]["volumeMounts"].append({"name": "extra", "mountPath": "/extra"})


def newest(objects: list[Manifest]) -> None:
    pod_of(objects)["containers"][0]["image"] = "registry.example/filmgate:latest"


def no_version(objects: list[Manifest]) -> None:
    pod_of(objects)["containers"][0]["image"] = "registry.example/filmgate"


def other_account(objects: list[Manifest]) -> None:
    pod_of(objects, "head")["serviceAccountName"] = "ray"


def other_priority(objects: list[Manifest]) -> None:
    pod_of(objects)["priorityClassName"] = "high"


def other_spread(objects: list[Manifest]) -> None:
    spread = pod_of(objects, "control")["topologySpreadConstraints"][0]
    spread["labelSelector"] = {"matchLabels": {"filmgate-pool": "gateways"}}


def other_port(objects: list[Manifest]) -> None:
    find(objects, "Service", "filmgate")["spec"]["ports"][0]["targetPort"] = "http"


def nobody_selected(objects: list[Manifest]) -> None:
    find(objects, "PodDisruptionBudget", "filmgate-encode")["spec"]["selector"] = {
        "matchLabels": {"filmgate-pool": "encoder"}
    }


def nobody_let_in(objects: list[Manifest]) -> None:
    spec = find(objects, "NetworkPolicy", "gcs-store")["spec"]
    spec["podSelector"] = {"matchLabels": {"filmgate-pool": "redis"}}


def other_store(objects: list[Manifest]) -> None:
    cluster(ray_service(objects))["gcsFaultToleranceOptions"]["redisAddress"] = "redis:6379"


def other_target(objects: list[Manifest]) -> None:
    spec = find(objects, "ScrapeConfig", "filmgate")["spec"]
    spec["staticConfigs"][0]["targets"] = ["filmgate.filmgate.svc:9000"]


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        (other_key, "no secret filmgate-database with the key uri"),
        (other_secret, "redisPassword: no secret redis with the key password"),
        (other_volume, "mounts shm, which is no volume of it"),
        (other_claim, "no PersistentVolumeClaim weights"),
        (no_map, "no ConfigMap nowhere"),
        (newest, "filmgate:latest has no version"),
        (no_version, "filmgate has no version"),
        (other_account, "no ServiceAccount ray"),
        (other_priority, "no PriorityClass high"),
        (other_spread, "is not among those that it is spread with"),
        (other_port, "no port http in its pods"),
        (nobody_selected, "PodDisruptionBudget filmgate-encode: selects no pod"),
        (nobody_let_in, "NetworkPolicy gcs-store: selects no pod"),
        (other_store, "redisAddress redis:6379: no such Service"),
        (other_target, "no Service at filmgate.filmgate.svc:9000"),
    ],
)
def test_a_planted_error(
    prod: list[Manifest], plant: Callable[[list[Manifest]], None], said: str
) -> None:
    plant(prod)
    assert any(said in found for found in dangling(prod, by_hand()))
