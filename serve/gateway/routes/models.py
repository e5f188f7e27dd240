"""GET /v1/models: what can be asked of each model, and how it is doing."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from pipelines.spec import ImageInput, ModelLimits
from serve.gateway.auth import Caller, Parts
from serve.gateway.errors import not_found
from serve.gateway.openapi.responses import READ_FAULTS
from serve.gateway.parts import ServedModel
from serve.messages import Snapshot

router = APIRouter()
State = Literal["ready", "warming", "no_gang", "asleep", "unknown"]


class WholeRange(BaseModel):
    """Both ends are allowed; `default` is used when a request says nothing."""

    min: int
    max: int
    default: int


class Range(BaseModel):
    """Both ends are allowed; `default` is used when a request says nothing."""

    min: float
    max: float
    default: float


class FrameRule(BaseModel):
    """Frame counts are `stride * k + offset`; others are rounded to the nearest."""

    stride: int
    offset: int
    min: int
    max: int
    default: int


class FreeSizes(BaseModel):
    """Sizes beside those listed: both sides divisible by `multiple`, at most `max_pixels`."""

    multiple: int
    max_pixels: int


class Capabilities(BaseModel):
    """What a model takes. `seconds` holds at the default fps; the first size is the default."""

    sizes: list[str]
    free_sizes: FreeSizes | None
    frames: FrameRule
    seconds: Range
    fps: WholeRange
    steps: WholeRange
    guidance_scale: Range
    max_prompt_chars: int
    image_input: ImageInput
    sound: bool
    attention: str
    """The attention kernels that its gangs run with; before any is up, what the settings say."""


class Model(BaseModel):
    """A model. `state`: `ready` has a gang; `warming` comes up for the first time; `no_gang` lost
    its gangs, jobs wait; `asleep` comes up when it is asked for; `unknown`: the Scheduler is away.
    """

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    state: State
    capabilities: Capabilities


class ModelList(BaseModel):
    """All models; the first is the default."""

    object: Literal["list"]
    data: list[Model]


@router.get("/v1/models", responses=READ_FAULTS)
async def list_models(parts: Parts, _caller: Caller) -> ModelList:
    """What this service offers."""
    snapshot = parts.link.snapshot()
    models = [_model(model, snapshot) for model in parts.models]
    return ModelList(object="list", data=models)


@router.get("/v1/models/{model_id}", responses=READ_FAULTS)
async def retrieve_model(model_id: str, parts: Parts, _caller: Caller) -> Model:
    """One model."""
    for model in parts.models:
        if model.name == model_id:
            return _model(model, parts.link.snapshot())
    raise not_found("model", model_id, param="model")


def state_of(model: ServedModel, snapshot: Snapshot | None) -> State:
    """How a model is doing, by what the Scheduler last said."""
    if snapshot is None:
        return "unknown"
    has_gang = any(gang.model == model.name for gang in snapshot.gangs)
    was_warm = model.name in snapshot.warm_models
    if has_gang:
        return "ready" if was_warm else "warming"
    if model.may_sleep:
        return "asleep"
    return "no_gang" if was_warm else "warming"


def attention_of(model: ServedModel, snapshot: Snapshot | None) -> str:
    """The kernels of the model's gangs, or the setting that they will choose by."""
    gangs = snapshot.gangs if snapshot else ()
    chosen = {gang.attention for gang in gangs if gang.model == model.name and gang.attention}
    return ", ".join(sorted(chosen)) or model.attention


def capabilities(limits: ModelLimits, attention: str) -> Capabilities:
    """A model's limits in the words of the API."""
    fps = limits.default_fps
    free = FreeSizes(multiple=limits.size_multiple, max_pixels=limits.max_pixels)
    return Capabilities(
        sizes=[f"{width}x{height}" for width, height in limits.sizes],
        free_sizes=free if limits.free_sizes else None,
        frames=FrameRule(
            stride=limits.frame_stride,
            offset=1,
            min=limits.min_frames,
            max=limits.max_frames,
            default=limits.default_frames,
        ),
        seconds=Range(
            min=round(limits.min_frames / fps, 3),
            max=round(limits.max_frames / fps, 3),
            default=round(limits.default_frames / fps, 3),
        ),
        fps=WholeRange(min=limits.min_fps, max=limits.max_fps, default=fps),
        steps=WholeRange(min=1, max=limits.max_steps, default=limits.default_steps),
        guidance_scale=Range(min=1.0, max=limits.max_guidance, default=limits.default_guidance),
        max_prompt_chars=limits.max_prompt_chars,
        image_input=limits.image,
        sound=limits.sound,
        attention=attention,
    )


def _model(model: ServedModel, snapshot: Snapshot | None) -> Model:
    return Model(
        id=model.name,
        object="model",
        created=model.created_at,
        owned_by="filmgate",
        state=state_of(model, snapshot),
        capabilities=capabilities(model.limits, attention_of(model, snapshot)),
    )
