"""The models that this service offers: settings and a checkpoint become limits and a price."""

import dataclasses
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from pipelines.checkpoint import Checkpoint, CheckpointError
from pipelines.cost import Stage, StageCosts, predict, tokens
from pipelines.embedded.place import WEIGHTS
from pipelines.memory import Room, Rooms, check_fits, fits, peak_bytes
from pipelines.parallel.fit import UnfitShape, check_shape
from pipelines.parallel.shape import GangShape
from pipelines.registry import open_checkpoint
from pipelines.shapes.configs import ShapeError, shape_from_configs
from pipelines.shapes.shape import ModelShape
from pipelines.spec import ClipRequest, ClipSpec, ModelLimits, SpecError, resolve
from serve.settings import Settings, SettingsError
from serve.settings.replicas import Replicas
from serve.settings.sections import Model

STAGES: Mapping[Stage, str] = MappingProxyType(
    {"encode": "encoder", "denoise": "denoiser", "decode": "decoder"}
)
GangBytes = Mapping[str, int]
"""By shape, the memory of a device as gangs have told it, for where the settings do not say."""
VALUE_BYTES: Mapping[str, int] = MappingProxyType({"float32": 4, "bfloat16": 2, "float16": 2})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OfferedModel:
    """What is known of a model without its weights."""

    settings: Model
    limits: ModelLimits
    shape: ModelShape
    vae_bytes: int
    """Of one weight of the VAE or image encoder, which some families keep in float32."""

    def check_fits(self, spec: ClipSpec, gang_bytes: GangBytes) -> None:
        """Raise `SpecError` for a clip that some stage has no memory for, as far as it is known.

        One shape of gang with room for it is enough.
        """
        self._check_divides(spec)
        if not self.shape.exact:
            return
        rooms = [self._rooms(shape, gang_bytes) for shape in self.shapes_for(spec, gang_bytes)]

        def spare(each: Rooms) -> float:
            room = each["denoise"]
            return room.spare(peak_bytes(self.shape, spec, "denoise", room))

        check_fits(self.shape, spec, self.limits, max(rooms, key=spare))

    def shapes_for(self, spec: ClipSpec, gang_bytes: GangBytes) -> Sequence[GangShape]:
        """The shapes of gang that can take a clip; all of them if none can, or nobody knows."""
        shapes = [gangs.shape for gangs in self.settings.shapes]
        if len(shapes) == 1 or not self.shape.exact:
            return shapes
        num_tokens = tokens(self.shape, spec)["video"]
        shapes = [shape for shape in shapes if shape.ulysses <= num_tokens] or shapes
        able = [s for s in shapes if fits(self.shape, spec, self._rooms(s, gang_bytes))]
        return able or shapes

    def standard_devices(self, wanted: int) -> int:
        """Devices of a gang of standard size, as near to `wanted` as the model has one."""
        sizes = [gangs.shape.world for gangs in self.settings.shapes]
        return min(max(wanted, min(sizes)), max(sizes))

    def _check_divides(self, spec: ClipSpec) -> None:
        """Ranks share the tokens, evenly or not, and each of them must get one."""
        found = tokens(self.shape, spec)["video"]
        least = min(gangs.shape.ulysses for gangs in self.settings.shapes)
        if self.shape.exact and found < least:
            raise SpecError(
                "size",
                "too_small_to_divide",
                f"{spec.width}x{spec.height} with {spec.num_frames} frames has {found} tokens, and "
                f"gangs with ulysses {least} share at least {least}: ask for a larger size or for "
                "more frames.",
            )

    def _rooms(self, shape: GangShape, gang_bytes: GangBytes) -> dict[Stage, Room]:
        rooms = {stage: self._room(stage) for stage in STAGES}
        room = rooms["denoise"]
        told = room.num_bytes or gang_bytes.get(str(shape))
        return rooms | {
            "denoise": dataclasses.replace(room, num_bytes=told, tp=shape.tp, ulysses=shape.ulysses)
        }

    def _room(self, stage: Stage) -> Room:
        """As the settings state it; of its GPU, a gang tells."""
        replicas: Replicas = getattr(self.settings, STAGES[stage])
        return Room(
            num_bytes=None if replicas.memory_gb is None else round(replicas.memory_gb * 1e9),
            value_bytes=VALUE_BYTES[self.settings.dtype],
            vae_value_bytes=self.vae_bytes,
            offload=self.settings.offload,
        )

    def costs(self, spec: ClipSpec) -> StageCosts:
        """Predicted GPU-seconds of a clip, before any correction by experience."""
        return predict(self.shape, spec, gflops_per_s=self.settings.gflops_per_s)


def open_checkpoint_of(model: Model) -> Checkpoint:
    """The checkpoint that a model's settings name, with the limits that they state.

    Raises `CheckpointError` or `SettingsError`, which say what is wrong and what to do.
    """
    checkpoint = _open(model)
    limits = _limits(model, checkpoint.family.limits)
    try:
        limits.check()
    except ValueError as error:
        raise SettingsError(f"the settings of model {model.name}: {error}") from error
    return dataclasses.replace(
        checkpoint, family=dataclasses.replace(checkpoint.family, limits=limits)
    )


def offered_models(settings: Settings) -> dict[str, OfferedModel]:
    """Every configured model by name, the default one first. Raises as `open_checkpoint_of`."""
    return {model.name: _offered(model) for model in settings.models}


def _open(model: Model) -> Checkpoint:
    """`embedded` is the small model that ships along."""
    if model.checkpoint == "embedded":
        return open_checkpoint(str(WEIGHTS))
    return open_checkpoint(model.checkpoint, revision=model.revision, offline=model.offline)


def _offered(model: Model) -> OfferedModel:
    checkpoint = open_checkpoint_of(model)
    family = checkpoint.family
    _check_gangs(model, checkpoint)
    try:
        shape = shape_from_configs(
            checkpoint.configs, text_tokens=family.max_sequence_length, guiders=family.guiders
        )
    except ShapeError as error:
        raise CheckpointError(f"{model.checkpoint}: {error}") from error
    vae_bytes = 4 if "vae" in family.float32 else VALUE_BYTES[model.dtype]
    offered = OfferedModel(settings=model, limits=family.limits, shape=shape, vae_bytes=vae_bytes)
    _check_memory(offered)
    return offered


def _check_gangs(model: Model, checkpoint: Checkpoint) -> None:
    """Every shape of the settings divides the model, by its configs alone."""
    for number, gangs in enumerate(model.gangs):
        try:
            check_shape(checkpoint.family, checkpoint.configs, gangs.shape)
        except UnfitShape as error:
            raise SettingsError(
                f"the settings of model {model.name}: gangs[{number}] ({gangs.shape}): {error}"
            ) from error


def _check_memory(offered: OfferedModel) -> None:
    """What the settings say of the devices is enough for the clip of the shortest request."""
    limits, name = offered.limits, offered.settings.name
    least = ClipRequest(prompt="a", has_image=limits.image == "required")
    try:
        offered.check_fits(resolve(least, limits, fresh_seed=0), {})
    except SpecError as error:
        raise SettingsError(
            f"the settings of model {name}: memory_gb is too little for the default clip: {error} "
            "State other sizes or max_frames, more tp, or offload."
        ) from error


def _limits(model: Model, limits: ModelLimits) -> ModelLimits:
    """The model's own limits, with what the settings state in their place."""
    changes: dict[str, Any] = {
        "sizes": tuple(_size(size) for size in model.sizes),
        "max_frames": model.max_frames,
        "max_steps": model.max_steps,
        "default_steps": model.default_steps,
        "light_steps": model.light_steps,
    }
    changed = dataclasses.replace(
        limits, **{name: value for name, value in changes.items() if value}
    )
    return dataclasses.replace(
        changed,
        free_sizes=changed.free_sizes and not model.sizes,
        default_frames=min(changed.default_frames, changed.max_frames),
        default_steps=min(changed.default_steps, changed.max_steps),
    )


def _size(text: str) -> tuple[int, int]:
    width, height = text.split("x")
    return int(width), int(height)
