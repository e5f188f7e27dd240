"""What the settings ask of a cluster, and whether it has that. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from serve.service import ServiceError
from serve.settings import Settings
from serve.settings.replicas import Gangs
from serve.settings.sections import Model

CONTROL_CPUS = 0.1
"""Logical CPUs of a Gateway and of the Scheduler: they wait far more than they compute."""
CPU, GPU = "CPU", "GPU"
"""Ray's names."""
Resources = Mapping[str, float]


def wanted_cpus(settings: Settings) -> float:
    """Logical CPUs of all replicas and ranks."""
    return _wanted(settings)[CPU] + CONTROL_CPUS * (1 + settings.http.gateways)


def check_resources(settings: Settings, nodes: Sequence[Resources]) -> None:
    """Raise `ServiceError` if the nodes together have too little, or none has room for a gang."""
    gpus, found = _wanted(settings)[GPU], sum(node.get(GPU, 0.0) for node in nodes)
    if gpus > found:
        raise ServiceError(
            f"the models ask for {gpus:g} GPUs and the cluster has {found:g}: lower num_gpus "
            "or replicas of a stage or min of a gang, or add nodes."
        )
    cpus, found = wanted_cpus(settings), sum(node.get(CPU, 0.0) for node in nodes)
    if cpus > found:
        raise ServiceError(
            f"the replicas ask for {cpus:g} logical CPUs and the cluster has {found:g}: raise "
            "ray.num_cpus, lower num_cpus or replicas of a stage or min of a gang, or add nodes."
        )
    for model in settings.models:
        for gangs in model.shapes:
            _check_room(model, gangs, nodes)


def _check_room(model: Model, gangs: Gangs, nodes: Sequence[Resources]) -> None:
    """The ranks of a gang are on one node: their talk would be slow over a network."""
    rank, world = _of_rank(model), gangs.shape.world
    for name, unit in ((GPU, "GPUs"), (CPU, "logical CPUs")):
        need, largest = world * rank[name], max(node.get(name, 0.0) for node in nodes)
        if need > largest:
            raise ServiceError(
                f"model {model.name}: a gang {gangs.shape} has {world} ranks of {rank[name]:g} "
                f"{unit} each on one node, {need:g} in all, and the largest node has {largest:g}: "
                "use a smaller shape in gangs, or a larger node."
            )


def _wanted(settings: Settings) -> dict[str, float]:
    demands = [demand for model in settings.models for demand in _demands(model)]
    return {name: sum(number * each[name] for number, each in demands) for name in (CPU, GPU)}


def _demands(model: Model) -> Iterator[tuple[int, dict[str, float]]]:
    """How many processes, and what each one takes."""
    for stage in (model.encoder, model.decoder):
        yield stage.replicas, {CPU: stage.num_cpus, GPU: stage.num_gpus}
    for gangs in model.shapes:
        yield gangs.min * gangs.shape.world, _of_rank(model)


def _of_rank(model: Model) -> dict[str, float]:
    return {CPU: model.denoiser.num_cpus, GPU: model.denoiser.num_gpus}
