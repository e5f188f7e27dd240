"""Whether what the settings ask for finds pods: each replica one, and all that may be at once."""

from collections.abc import Iterator
from typing import Any

from serve.pools import StagePool, pools_of
from serve.resources import CONTROL_CPUS
from serve.settings import Settings
from serve.settings.replicas import Replicas
from tests.unit.k8s.assembling import Manifest
from tests.unit.k8s.pods import groups

Resources = dict[str, float]
OF_GPUS = "nvidia.com/gpu"
ROUNDING = 1e-6


def offered(group: dict[str, Any]) -> Resources:
    """What Ray finds in a pod of the group."""
    limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
    own = {name: float(number) for name, number in group.get("resources", {}).items()}
    return {"CPU": float(limits["cpu"]), "GPU": float(limits.get(OF_GPUS, 0)), **own}


def nodes(service: Manifest, bound: str) -> dict[str, tuple[Resources, int]]:
    """By group: what a pod offers, and how many there are at `minReplicas` or `maxReplicas`."""
    workers = {name: group for name, group in groups(service).items() if name != "head"}
    return {name: (offered(group), group[bound]) for name, group in workers.items()}


def demands(settings: Settings) -> Iterator[tuple[str, Resources, int]]:
    """What a replica of each pool needs in one pod, and how many there may be."""
    control = {"CPU": CONTROL_CPUS, **settings.ray.control_resources}
    yield "the Gateways", control, settings.http.gateways
    yield "the Scheduler", control, 1
    for pool in pools_of(settings):
        yield pool.name, _of_replica(pool, settings), pool.most


def _of_replica(pool: StagePool, settings: Settings) -> Resources:
    model = next(model for model in settings.models if model.name == pool.model)
    of_stage = {"encode": model.encoder, "denoise": model.denoiser, "decode": model.decoder}
    rank: Replicas = of_stage[pool.stage]
    each = {"CPU": rank.num_cpus, "GPU": rank.num_gpus, **rank.resources}
    return {name: pool.ranks * need for name, need in each.items()}


def misplaced(service: Manifest, settings: Settings) -> list[str]:
    """What finds no pod, alone or beside all others; and a budget that no group can give."""
    most = nodes(service, "maxReplicas")
    found = [
        f"{what}: no group has {need} in one pod"
        for what, need, _ in demands(settings)
        if not any(_fits(need, one) for one, _ in most.values())
    ]
    found += list(_without_place(settings, most)) if not found else []
    gpus = sum(one["GPU"] * number for one, number in most.values())
    if (settings.capacity.gpu_budget or 0) > gpus:
        found.append(f"gpu_budget is {settings.capacity.gpu_budget:g}, and groups end at {gpus:g}")
    return found


def _without_place(settings: Settings, most: dict[str, tuple[Resources, int]]) -> Iterator[str]:
    """The largest first, where it fits first."""
    left = [dict(one) for one, number in most.values() for _ in range(number)]
    for what, need, number in sorted(demands(settings), key=lambda each: -each[1].get("GPU", 0.0)):
        for placed in range(number):
            pod = next((pod for pod in left if _fits(need, pod)), None)
            if pod is None:
                yield f"{what}: {placed} of {number} find a pod with {need}"
                break
            pod.update({name: pod[name] - amount for name, amount in need.items() if amount})


def _fits(need: Resources, room: Resources) -> bool:
    return all(room.get(name, 0.0) + ROUNDING >= amount for name, amount in need.items())
