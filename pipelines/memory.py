"""Whether a clip fits a device: bytes at the peak of each stage, and what would fit instead.

Activations follow what torch holds at most when the full-size models run on the meta device (a test
compares them); weights are counted from the configs. Attention adds nothing of its own: its kernels
keep no scores, and masks are at most a row of tokens. But HunyuanVideo's decoder attends over all
latents of a clip under a mask of latents x latents, unless it works in tiles.

Worked numbers in GiB, bfloat16, one device. HunyuanVideo 1.5, 848x480, 121 frames: denoise 18;
decode 98 in one piece, 16 in tiles. LTX-2, 1920x1088, 121 frames: denoise 41, decode 21 or 9. Wan
2.1 14B, 1280x720, 81 frames: denoise 35; decode (float32) 18 or 5; encode 11, and 31 from a picture
(text 10.6; CLIP 2.4 and VAE 18 in float32).
"""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from pipelines.cost import Stage, sites, tokens
from pipelines.shapes.shape import ModelShape
from pipelines.spec import ClipSpec, ModelLimits, SpecError

MARGIN, RESERVED_BYTES = 1.1, 2**30
"""For gaps between blocks of memory, and for what the driver and the kernels keep."""
SHARDED_REST = 0.05
"""Of the weights, what every rank of a gang has of its own."""
STREAMED = 1 / 16
"""Of the weights, what is on the device while layers come and go: two blocks, and a rest."""
RGB_BYTES, TILE_COPIES = 36, 4
"""A pixel on its way to 8 bits; how often tiled frames exist while they are put together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a stage has to work in on each of its devices."""

    num_bytes: int | None
    """Memory of one device; None if nobody said."""
    value_bytes: int
    """Of a weight: 2 for bfloat16."""
    vae_value_bytes: int
    """Of one of the VAE's, and of the image encoder's: some families keep both in float32."""
    tp: int = 1
    ulysses: int = 1
    offload: Literal["none", "model", "group"] = "none"

    def spare(self, num_bytes: int) -> float:
        """Bytes that a stage with this peak would leave; below 0 where it cannot work."""
        if self.num_bytes is None:
            return math.inf
        return self.num_bytes - num_bytes * MARGIN - RESERVED_BYTES

    def holds(self, num_bytes: int) -> bool:
        """Whether a stage with this peak can work here."""
        return self.spare(num_bytes) >= 0


Rooms = Mapping[Stage, Room]


def peak_bytes(
    shape: ModelShape, spec: ClipSpec, stage: Stage, room: Room, *, tiled: bool = False
) -> int:
    """Device memory of one rank at the stage's peak; `tiled` says how a clip is decoded."""
    if stage == "encode":
        return _encode_bytes(shape, spec, room)
    if stage == "denoise":
        return room.value_bytes * (_denoiser_weights(shape, room) + _live_values(shape, spec, room))
    if not tiled:
        return _vae_bytes(spec, shape, room)
    frames = spec.num_frames * spec.width * spec.height
    joined = TILE_COPIES * 3 * room.vae_value_bytes * frames
    return max(_vae_bytes(_tile(shape, spec), shape, room) + joined, RGB_BYTES * frames)


def decodes_in_tiles(shape: ModelShape, spec: ClipSpec, room: Room) -> bool:
    """Whether a clip is too large to be decoded in one piece."""
    return not room.holds(peak_bytes(shape, spec, "decode", room))


def fits(shape: ModelShape, spec: ClipSpec, rooms: Rooms) -> bool:
    """Whether every stage has room for a clip."""
    return _too_small(shape, spec, rooms) is None


def check_fits(shape: ModelShape, spec: ClipSpec, limits: ModelLimits, rooms: Rooms) -> None:
    """Raise `SpecError` for a clip that some stage has no room for; it names one that fits."""
    stage = _too_small(shape, spec, rooms)
    if stage is None:
        return
    room = rooms[stage]
    needed = peak_bytes(shape, spec, stage, room, tiled=True) * MARGIN + RESERVED_BYTES
    problem = (
        f"{spec.width}x{spec.height} with {spec.num_frames} frames needs about "
        f"{_gib(needed)} of device memory to {stage}, and there are {_gib(room.num_bytes or 0)}; "
    )
    if size := _largest_size(shape, spec, limits, rooms):
        raise SpecError("size", "too_large_for_memory", f"{problem}{size} would fit.")
    if frames := _most_frames(shape, spec, limits, rooms):
        way_out = f"{frames} frames ({frames / spec.fps:.4g} seconds) would fit."
        raise SpecError("seconds", "too_large_for_memory", problem + way_out)
    raise SpecError("size", "too_large_for_memory", f"{problem}no clip of this model would fit.")


def _too_small(shape: ModelShape, spec: ClipSpec, rooms: Rooms) -> Stage | None:
    for stage, room in rooms.items():
        if not room.holds(peak_bytes(shape, spec, stage, room)) and not room.holds(
            peak_bytes(shape, spec, stage, room, tiled=True)
        ):
            return stage
    return None


def _largest_size(
    shape: ModelShape, spec: ClipSpec, limits: ModelLimits, rooms: Rooms
) -> str | None:
    """The largest of the offered sizes, and of those of this shape that are divisible enough."""
    fitting = [
        (width * height, f"{width}x{height}")
        for width, height in {*limits.sizes, *_scaled(spec, limits)}
        if width * height < spec.width * spec.height
        and not _too_small(shape, dataclasses.replace(spec, width=width, height=height), rooms)
    ]
    return max(fitting)[1] if fitting else None


def _scaled(spec: ClipSpec, limits: ModelLimits) -> Iterator[tuple[int, int]]:
    """Smaller sizes of nearly the same shape, down to half of each side."""
    step = limits.size_multiple
    for width in range(spec.width - step, spec.width // 2, -step) if limits.free_sizes else ():
        height = round(spec.height * width / spec.width / step) * step
        if height >= step:
            yield width, height


def _most_frames(
    shape: ModelShape, spec: ClipSpec, limits: ModelLimits, rooms: Rooms
) -> int | None:
    for frames in range(spec.num_frames - limits.frame_stride, 0, -limits.frame_stride):
        if not _too_small(shape, dataclasses.replace(spec, num_frames=frames), rooms):
            return frames
    return None


def _encode_bytes(shape: ModelShape, spec: ClipSpec, room: Room) -> int:
    """The models beside each other, or the largest of them where they take turns."""
    text = room.value_bytes * _resident(shape.text.parameters, room)
    if not spec.has_image:
        return text
    picture = room.vae_value_bytes * _resident(shape.picture_parameters, room)
    parts = (text, picture, _vae_bytes(_first_frame(shape, spec), shape, room))
    return max(parts) if room.offload == "model" else sum(parts)


def _denoiser_weights(shape: ModelShape, room: Room) -> int:
    transformer = shape.transformer
    if room.offload == "model":
        return transformer.parameters // transformer.experts
    whole = _resident(transformer.parameters, room)
    return round(whole * (1 / room.tp + (SHARDED_REST if room.tp > 1 else 0)))


def _resident(parameters: int, room: Room) -> int:
    return round(parameters * STREAMED) if room.offload == "group" else parameters


def _live_values(shape: ModelShape, spec: ClipSpec, room: Room) -> int:
    """What the video's tokens hold; tensor-parallel ranks are taken to divide nothing of it."""
    transformer = shape.transformer
    each = transformer.live_values + (transformer.picture_live_values if spec.has_image else 0)
    return tokens(shape, spec)["video"] // room.ulysses * each


def _vae_bytes(spec: ClipSpec, shape: ModelShape, room: Room) -> int:
    """Weights, and the widest level's tensor as often as the decoder holds it.

    Encoding holds somewhat less, and is taken to hold the same.
    """
    decoder = shape.decoder
    chunk = spec.num_frames if decoder.whole_clip else min(spec.num_frames, shape.token_frames)
    widest = max(level.channels * sites(level, spec, chunk) for level in decoder.levels)
    value_bytes = room.vae_value_bytes
    live = value_bytes * (round(decoder.live_tensors * widest))
    if decoder.attention_width:
        # The mask, the scores and their softmax.
        live += 3 * value_bytes * sites(decoder.levels[0], spec, spec.num_frames) ** 2
    pixels = spec.num_frames * spec.width * spec.height
    weights = value_bytes * _resident(decoder.parameters, room)
    return weights + max(live + 3 * value_bytes * pixels, RGB_BYTES * pixels)


def _tile(shape: ModelShape, spec: ClipSpec) -> ClipSpec:
    side = shape.decoder.tile_side
    return dataclasses.replace(spec, width=min(spec.width, side), height=min(spec.height, side))


def _first_frame(shape: ModelShape, spec: ClipSpec) -> ClipSpec:
    return spec if shape.picture_frames == "all" else dataclasses.replace(spec, num_frames=1)


def _gib(num_bytes: float) -> str:
    return f"{num_bytes / 2**30:.3g} GiB"
