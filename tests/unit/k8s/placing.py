"""Whether what the settings ask for finds pods: each replica one, and all that may be at once."""

import collections
from collections.abc import Callable, Iterator

from ray.autoscaler._private.kuberay.autoscaling_config import (
    _derive_autoscaling_config_from_ray_cr,
)
from ray.serve._private.utils import get_capacity_adjusted_num_replicas

from serve.deployments.options import (
    Options,
    gang_options,
    gateway_options,
    scheduler_options,
    stage_options,
)
from serve.pools import StagePool, pools_of
from serve.settings import Settings
from tests.unit.k8s.assembling import Manifest
from tests.unit.k8s.pods import groups
from tests.unit.k8s.schemas import as_cluster

Resources = dict[str, float]
ROUNDING = 1e-6


def nodes(service: Manifest, bound: str) -> dict[str, tuple[Resources, int]]:
    """By group: what Ray's own autoscaler thinks that a pod offers, and `min_workers` of them, or
    `max_workers`."""
    cluster = as_cluster(service)
    cluster["metadata"] = {"name": "any", "namespace": "any"}
    kinds = _derive_autoscaling_config_from_ray_cr(cluster)["available_node_types"]
    workers = {name: kind for name, kind in kinds.items() if name in groups(service)}
    return {name: (kind["resources"], kind[bound]) for name, kind in workers.items()}


def _most(pool: StagePool) -> int:
    return pool.most


def demands(
    settings: Settings, number: Callable[[StagePool], int] = _most
) -> Iterator[tuple[str, Resources, int]]:
    """What a replica of each pool needs in one pod, and how many there may be."""
    gateway = gateway_options(settings)["ray_actor_options"]
    yield "the Gateways", _as_ray_counts(gateway), settings.http.gateways
    scheduler = scheduler_options(settings)["ray_actor_options"]
    yield "the Scheduler", _as_ray_counts(scheduler), 1
    for pool in pools_of(settings):
        yield pool.name, _in_one_pod(options_of(pool, settings)), number(pool)


def options_of(pool: StagePool, settings: Settings) -> Options:
    """What Ray Serve is told of a pool."""
    model = next(model for model in settings.models if model.name == pool.model)
    if pool.stage == "denoise":
        return gang_options(pool, model.denoiser, settings)
    replicas = model.encoder if pool.stage == "encode" else model.decoder
    return stage_options(pool, replicas, settings)


def _in_one_pod(options: Options) -> Resources:
    """A replica, or all ranks of its gang, which are packed strictly."""
    own = [_as_ray_counts(options["ray_actor_options"])]
    total: collections.Counter[str] = collections.Counter()
    for bundle in options.get("placement_group_bundles", own):
        total.update(bundle)
    return dict(total)


def _as_ray_counts(actor: Options) -> Resources:
    gpus = actor.get("num_gpus", 0)
    return {"CPU": actor["num_cpus"], "GPU": gpus, **actor.get("resources", {})}


def misplaced(service: Manifest, settings: Settings) -> list[str]:
    """What finds no pod, alone or beside all others; and a budget that no group can give."""
    most = nodes(service, "max_workers")
    found = [
        f"{what}: no group has {need} in one pod"
        for what, need, _ in demands(settings)
        if not any(_fits(need, one) for one, _ in most.values())
    ]
    found += list(_without_place(settings, most)) if not found else []
    gpus = sum(one.get("GPU", 0) * number for one, number in most.values())
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


def always(service: Manifest, settings: Settings, percent: float = 100) -> dict[str, int]:
    """By group: the pods that there always are, at a part of what Serve may use of the cluster, as
    in the steps of an upgrade. Models that may sleep do."""

    def awake(pool: StagePool) -> int:
        return get_capacity_adjusted_num_replicas(0 if pool.may_sleep else pool.least, percent)

    kinds = nodes(service, "min_workers")
    opened: list[tuple[str, Resources]] = []
    for _, need, number in demands(settings, awake):
        for _ in range(number):
            left = next((left for _, left in opened if _fits(need, left)), None)
            if left is None:
                group = next(name for name, (one, _) in kinds.items() if _fits(need, one))
                left = dict(kinds[group][0])
                opened.append((group, left))
            left.update({name: left[name] - amount for name, amount in need.items() if amount})
    used = collections.Counter(name for name, _ in opened)
    return {name: max(least, used[name]) for name, (_, least) in kinds.items()}


def gpus(service: Manifest, pods: dict[str, int]) -> float:
    """Of so many pods of each group."""
    kinds = nodes(service, "min_workers")
    return sum(kinds[name][0].get("GPU", 0) * number for name, number in pods.items())


def _fits(need: Resources, room: Resources) -> bool:
    return all(room.get(name, 0.0) + ROUNDING >= amount for name, amount in need.items())
