"""The pools of replicas that the settings describe: one deployment of Ray Serve each. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.cost import Stage
from serve.settings import Settings
from serve.settings.replicas import Gangs, Replicas
from serve.settings.sections import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePool:
    """The replicas of one stage of a model; of its denoiser, the gangs of one shape."""

    name: str
    """Of its deployment."""
    model: str
    stage: Stage
    shape: str | None
    gpus: float
    """Of one replica. Where no stage of the service uses GPUs, the ranks of a gang."""
    ranks: int
    first: int
    """Replicas at the start."""
    least: int
    """Replicas whenever the pool is awake."""
    most: int
    may_sleep: bool
    """Whether it may have none at all."""


def pools_of(settings: Settings, model: str | None = None) -> tuple[StagePool, ...]:
    """All pools, model by model; or those of one model."""
    on_cpus = not uses_gpus(settings)
    models = [each for each in settings.models if model in (None, each.name)]
    return tuple(pool for each in models for pool in _of_model(each, on_cpus))


def uses_gpus(settings: Settings) -> bool:
    """Whether any stage does."""
    models = settings.models
    return any(s.num_gpus for m in models for s in (m.encoder, m.denoiser, m.decoder))


def adapts(settings: Settings) -> bool:
    """Whether replicas come and go: as the settings say, or if they leave room for it."""
    if settings.capacity.enabled is not None:
        return settings.capacity.enabled
    return any(pool.most > pool.least for pool in pools_of(settings))


def waking_ranks(settings: Settings) -> dict[str, int]:
    """Devices of models that sleep, which come up when they are asked for: those of one gang of
    each. It has none, and yet can make clips."""
    if not adapts(settings):
        return {}
    asleep = [model for model in settings.models if model.may_sleep]
    return {model.name: min(gangs.shape.world for gangs in model.shapes) for model in asleep}


def _of_model(model: Model, on_cpus: bool) -> Iterator[StagePool]:
    yield _of_stage("Encoder", "encode", model, model.encoder)
    for gangs in model.shapes:
        yield _of_gangs(model, gangs, on_cpus)
    yield _of_stage("Decoder", "decode", model, model.decoder)


def _of_gangs(model: Model, gangs: Gangs, on_cpus: bool) -> StagePool:
    world = gangs.shape.world
    return StagePool(
        name=f"Denoiser-{model.name}-{gangs.shape}",
        model=model.name,
        stage="denoise",
        shape=str(gangs.shape),
        gpus=world * (1.0 if on_cpus else model.denoiser.num_gpus),
        ranks=world,
        first=gangs.min,
        least=gangs.min,
        most=gangs.most,
        may_sleep=model.may_sleep or gangs.min == 0,
    )


def _of_stage(name: str, stage: Stage, model: Model, replicas: Replicas) -> StagePool:
    begins_asleep = not any(gangs.min for gangs in model.shapes)
    return StagePool(
        name=f"{name}-{model.name}",
        model=model.name,
        stage=stage,
        shape=None,
        gpus=replicas.num_gpus,
        ranks=1,
        first=0 if begins_asleep else replicas.replicas,
        least=replicas.replicas,
        most=replicas.most,
        may_sleep=model.may_sleep,
    )
