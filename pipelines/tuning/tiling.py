"""Whether a clip is decoded in tiles: large ones are, by the memory that is there for it."""

from dataclasses import dataclass
from typing import Any

from pipelines.checkpoint import Checkpoint
from pipelines.memory import Room, decodes_in_tiles
from pipelines.shapes.configs import ShapeError, shape_from_configs
from pipelines.shapes.shape import ModelShape
from pipelines.spec import ClipSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class TilingRule:
    """Tiles where a clip in one piece would not fit; never where nobody said what fits."""

    shape: ModelShape | None
    """None where a checkpoint lacks the configs of a whole model."""
    room: Room

    def wants(self, spec: ClipSpec) -> bool:
        """By arithmetic alone: the same clip on the same device is always decoded the same way."""
        return self.shape is not None and decodes_in_tiles(self.shape, spec, self.room)


def tiling_rule(
    checkpoint: Checkpoint, *, memory_bytes: int | None, value_bytes: int
) -> TilingRule:
    """The rule for a decoder whose device has `memory_bytes`; None if that is not known."""
    family = checkpoint.family
    vae_bytes = 4 if "vae" in family.float32 else value_bytes
    room = Room(num_bytes=memory_bytes, value_bytes=value_bytes, vae_value_bytes=vae_bytes)
    try:
        shape = shape_from_configs(checkpoint.configs, text_tokens=family.max_sequence_length)
    except ShapeError:
        shape = None
    return TilingRule(shape=shape, room=room)


def set_tiling(vae: Any, *, tiled: bool) -> None:
    """Switch a VAE of the library's to tiles of its own size, or back."""
    if tiled:
        vae.enable_tiling()
    else:
        vae.disable_tiling()
