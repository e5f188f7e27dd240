"""What the settings ask of a cluster, and whether it has that. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from serve.service import ServiceError
from serve.settings import Settings
from serve.settings.replicas import Gangs
from serve.settings.sections import Model

CONTROL_CPUS = 0.1
"""Logical CPUs of a Gateway and of the Scheduler: they wait far more than they compute."""
CPU, GPU = "CPU", "GPU"
"""Ray's names."""
UNITS = ((GPU, "GPUs"), (CPU, "logical CPUs"))
ROUNDING = 1e-6
Resources = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Some of a kind, each of which needs a node that has room for the whole of it."""

    what: str
    number: int
    gpus: float
    cpus: float
    custom: Resources

    @property
    def each(self) -> Resources:
        return {GPU: self.gpus, CPU: self.cpus, **self.custom}


def wanted_cpus(settings: Settings, *, at_most: bool = False) -> float:
    """Logical CPUs of all replicas and ranks: of those that always run, or of all there may be."""
    return sum(demand.number * demand.cpus for demand in _demands(settings, at_most))


def check_resources(settings: Settings, nodes: Sequence[Resources]) -> None:
    """Raise `ServiceError` if the nodes together have too little, or no room for some gang."""
    wanted, found = _gpus(settings), sum(node.get(GPU, 0.0) for node in nodes)
    if wanted > found + ROUNDING:
        raise ServiceError(
            f"the models ask for {wanted:g} GPUs and the cluster has {found:g}: lower num_gpus "
            "or replicas of a stage or min of a gang, or add nodes."
        )
    wanted, found = wanted_cpus(settings), sum(node.get(CPU, 0.0) for node in nodes)
    if wanted > found + ROUNDING:
        raise ServiceError(
            f"the replicas ask for {wanted:g} logical CPUs and the cluster has {found:g}: raise "
            "ray.num_cpus, lower num_cpus or replicas of a stage or min of a gang, or add nodes."
        )
    for model in settings.models:
        for gangs in model.shapes:
            _check_largest(model, gangs, nodes)
    _check_places(settings, nodes)


def _check_largest(model: Model, gangs: Gangs, nodes: Sequence[Resources]) -> None:
    """The ranks of a gang are on one node: their talk would be slow over a network."""
    rank, world = _of_rank(model), gangs.shape.world
    for name, unit in UNITS:
        need, largest = world * rank[name], max(node.get(name, 0.0) for node in nodes)
        if need > largest:
            raise ServiceError(
                f"model {model.name}: a gang {gangs.shape} has {world} ranks of {rank[name]:g} "
                f"{unit} each on one node, {need:g} in all, and the largest node has {largest:g}: "
                "use a smaller shape in gangs, or a larger node."
            )


def _check_places(settings: Settings, nodes: Sequence[Resources]) -> None:
    """Everything has a node at the same time, the largest placed first and where it fits first.

    That finds room wherever there is any for sizes that divide each other, such as 1, 2, 4 and 8.
    """
    left = [dict(node) for node in nodes]
    largest_first = sorted(_demands(settings), key=lambda d: (d.gpus, d.cpus), reverse=True)
    for demand in largest_first:
        for placed in range(demand.number):
            if not _placed(demand, left):
                raise ServiceError(_no_place(demand, placed, nodes))


def _placed(demand: Demand, left: Sequence[dict[str, float]]) -> bool:
    """Whether one more of it has a node; takes from what is `left` there."""
    for node in left:
        if all(node.get(name, 0.0) + ROUNDING >= need for name, need in demand.each.items()):
            for name, need in demand.each.items():
                node[name] = node.get(name, 0.0) - need
            return True
    return False


def _no_place(demand: Demand, placed: int, nodes: Sequence[Resources]) -> str:
    units = [*UNITS, *((name, f"`{name}`") for name in demand.custom)]
    needs = " and ".join(f"{demand.each[name]:g} {unit}" for name, unit in units)
    have = " and ".join(
        f"{', '.join(f'{node.get(name, 0.0):g}' for node in nodes)} {unit}" for name, unit in units
    )
    return (
        f"{demand.what}: only {placed} of {demand.number} find a node with room. Each needs "
        f"{needs} on one node, and the nodes have {have}, some of it taken by what is larger: "
        "lower min of a gang or replicas of a stage, use smaller shapes in gangs, or add nodes."
    )


def _gpus(settings: Settings) -> float:
    return sum(demand.number * demand.gpus for demand in _demands(settings))


def _demands(settings: Settings, at_most: bool = False) -> Iterator[Demand]:
    for what, number in (("the Scheduler", 1), ("the Gateways", settings.http.gateways)):
        yield Demand(
            what=what,
            number=number,
            gpus=0.0,
            cpus=CONTROL_CPUS,
            custom=settings.ray.control_resources,
        )
    for model in settings.models:
        for what, stage in (("encoder", model.encoder), ("decoder", model.decoder)):
            yield Demand(
                what=f"model {model.name}, {what}",
                number=stage.most if at_most else stage.replicas,
                gpus=stage.num_gpus,
                cpus=stage.num_cpus,
                custom=stage.resources,
            )
        for gangs in model.shapes:
            world, rank = gangs.shape.world, _of_rank(model)
            yield Demand(
                what=f"model {model.name}, gangs of shape {gangs.shape}",
                number=gangs.most if at_most else gangs.min,
                gpus=world * rank[GPU],
                cpus=world * rank[CPU],
                custom={name: world * each for name, each in model.denoiser.resources.items()},
            )


def _of_rank(model: Model) -> Resources:
    return {CPU: model.denoiser.num_cpus, GPU: model.denoiser.num_gpus}
