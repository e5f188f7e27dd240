"""Every pod that our objects lead to, and the groups of a Ray cluster."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.unit.k8s.assembling import Manifest, find


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """The template of some pods, and where it stands."""

    where: str
    labels: dict[str, str]
    spec: dict[str, Any]
    claims: tuple[str, ...] = ()
    """Volumes that each pod gets of its own."""

    @property
    def containers(self) -> list[dict[str, Any]]:
        return [*self.spec.get("initContainers", ()), *self.spec["containers"]]


def pods(objects: list[Manifest]) -> Iterator[Pod]:
    for one in objects:
        where = f"{one['kind']} {one['metadata']['name']}"
        if one["kind"] == "RayService":
            yield from _of_ray(one, where)
        elif template := one.get("spec", {}).get("template"):
            claims = one["spec"].get("volumeClaimTemplates", ())
            yield Pod(
                where=where,
                labels=template["metadata"]["labels"],
                spec=template["spec"],
                claims=tuple(claim["metadata"]["name"] for claim in claims),
            )


def _of_ray(service: Manifest, where: str) -> Iterator[Pod]:
    for name, group in groups(service).items():
        # KubeRay adds these to each of its pods.
        kind = "head" if name == "head" else "worker"
        own = {"ray.io/cluster": "some", "ray.io/node-type": kind}
        template = group["template"]
        yield Pod(
            where=f"{where}, group {name}",
            labels={**own, **template["metadata"]["labels"]},
            spec=template["spec"],
        )


def cluster(service: Manifest) -> dict[str, Any]:
    found: dict[str, Any] = service["spec"]["rayClusterConfig"]
    return found


def groups(service: Manifest) -> dict[str, dict[str, Any]]:
    """The groups of its pods by name, the head's first."""
    config = cluster(service)
    workers = {group["groupName"]: group for group in config["workerGroupSpecs"]}
    return {"head": config["headGroupSpec"], **workers}


def ray_service(objects: list[Manifest]) -> Manifest:
    return find(objects, "RayService")
