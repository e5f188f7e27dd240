"""What a clip is asked to be, and what a model can do: validation without I/O.

A `ClipRequest` is what a person wrote (most of it left out); `resolve` turns it into a `ClipSpec`
with every value decided, or raises a `SpecError` that names the field, the limit and a way out.
"""

import math
from dataclasses import dataclass
from typing import Literal, TypeVar

ImageInput = Literal["none", "optional", "required"]
MAX_SEED = 2**63 - 1
N = TypeVar("N", int, float)


class SpecError(ValueError):
    """A request that the model cannot serve; `param` and `code` go into the API's envelope."""

    def __init__(self, param: str, code: str, message: str) -> None:
        super().__init__(message)
        self.param = param
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipRequest:
    """What was asked. None means the model's own default; sizes in pixels, `seconds` in seconds."""

    prompt: str
    negative_prompt: str | None = None
    width: int | None = None
    height: int | None = None
    seconds: float | None = None
    num_frames: int | None = None
    fps: int | None = None
    steps: int | None = None
    guidance_scale: float | None = None
    seed: int | None = None
    sound: bool | None = None
    has_image: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipSpec:
    """A clip with every value decided: all that a stage needs, besides its tensors."""

    prompt: str
    negative_prompt: str
    width: int
    height: int
    num_frames: int
    fps: int
    steps: int
    guidance_scale: float
    seed: int
    sound: bool
    has_image: bool

    @property
    def seconds(self) -> float:
        """Playing time: 17 frames at 8 fps are 2.125 s."""
        return self.num_frames / self.fps


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelLimits:
    """What a model accepts, and what it uses where a request says nothing."""

    sizes: tuple[tuple[int, int], ...]
    """(width, height) pairs that are offered; the first is the default."""
    free_sizes: bool
    """Whether other sizes with the same multiple, up to `max_pixels`, work too."""
    size_multiple: int
    max_pixels: int
    frame_stride: int
    """Frames come as `frame_stride * k + 1`: 8k+1 for LTX-2, 4k+1 for Wan."""
    default_frames: int
    max_frames: int
    default_fps: int
    min_fps: int
    max_fps: int
    default_steps: int
    max_steps: int
    default_guidance: float
    max_guidance: float
    default_negative_prompt: str
    max_prompt_chars: int
    image: ImageInput
    sound: bool
    min_frames: int = 1
    light_steps: int | None = None
    """Fewest steps of a clip that is made lighter than it was asked for; left out: half of
    `default_steps`."""

    def nearest_frames(self, num_frames: float) -> int:
        """The allowed count nearest to `num_frames`, in a tie the higher: 8k+1 turns 44 into 41."""
        strides = math.floor((num_frames - 1) / self.frame_stride + 0.5)
        return max(0, strides) * self.frame_stride + 1

    def check(self) -> None:
        """Raise `ValueError` for sizes or frame counts that the model itself cannot make."""
        if any(side % self.size_multiple for size in self.sizes for side in size):
            raise ValueError(f"every size must be divisible by {self.size_multiple}")
        for name in ("min_frames", "max_frames", "default_frames"):
            frames = getattr(self, name)
            if frames != (right := self.nearest_frames(frames)):
                rule = f"{self.frame_stride} times a number, plus 1"
                raise ValueError(f"{name} must be {rule}, such as {right}; {frames} is not")


def resolve(request: ClipRequest, limits: ModelLimits, *, fresh_seed: int) -> ClipSpec:
    """Decide every value of a clip; `fresh_seed` is used where the request has none.

    Raises `SpecError` for the first field that the model cannot serve.
    """
    _check_prompt("prompt", request.prompt, limits, required=True)
    _check_prompt("negative_prompt", request.negative_prompt or "", limits, required=False)
    _check_image(request, limits)
    width, height = _size(request, limits)
    fps = _within("fps", request.fps, limits.default_fps, limits.min_fps, limits.max_fps)
    seed = fresh_seed if request.seed is None else request.seed
    return ClipSpec(
        prompt=request.prompt,
        negative_prompt=(
            limits.default_negative_prompt
            if request.negative_prompt is None
            else request.negative_prompt
        ),
        width=width,
        height=height,
        num_frames=_frames(request, limits, fps),
        fps=fps,
        steps=_within(
            "num_inference_steps", request.steps, limits.default_steps, 1, limits.max_steps
        ),
        guidance_scale=_within(
            "guidance_scale",
            request.guidance_scale,
            limits.default_guidance,
            1.0,
            limits.max_guidance,
        ),
        seed=_within("seed", seed, seed, 0, MAX_SEED),
        sound=_sound(request, limits),
        has_image=request.has_image,
    )


def _check_prompt(param: str, text: str, limits: ModelLimits, *, required: bool) -> None:
    if required and not text.strip():
        raise SpecError(
            param, "prompt_empty", f"`{param}` is empty: say what the clip should show."
        )
    if len(text) > limits.max_prompt_chars:
        raise SpecError(
            param,
            "prompt_too_long",
            f"`{param}` has {len(text)} characters; this model takes at most "
            f"{limits.max_prompt_chars}.",
        )


def _check_image(request: ClipRequest, limits: ModelLimits) -> None:
    if request.has_image and limits.image == "none":
        raise SpecError(
            "input_reference",
            "image_not_supported",
            "This model makes clips from text alone; leave `input_reference` out or choose a model "
            "whose capabilities list image input.",
        )
    if not request.has_image and limits.image == "required":
        raise SpecError(
            "input_reference",
            "image_required",
            "This model starts from a picture: send the first frame as `input_reference`.",
        )


def _size(request: ClipRequest, limits: ModelLimits) -> tuple[int, int]:
    if request.width is None and request.height is None:
        return limits.sizes[0]
    if request.width is None or request.height is None:
        raise SpecError("size", "invalid_size", "Give `width` and `height` together, or `size`.")
    width, height = request.width, request.height
    if (width, height) in limits.sizes:
        return width, height
    offered = ", ".join(f"{w}x{h}" for w, h in limits.sizes)
    fits = (
        min(width, height) >= limits.size_multiple
        and width % limits.size_multiple == height % limits.size_multiple == 0
        and width * height <= limits.max_pixels
    )
    if limits.free_sizes and fits:
        return width, height
    also = (
        f", or any width and height divisible by {limits.size_multiple} with at most "
        f"{limits.max_pixels} pixels"
        if limits.free_sizes
        else ""
    )
    raise SpecError(
        "size", "invalid_size", f"{width}x{height} is not possible here; use {offered}{also}."
    )


def _frames(request: ClipRequest, limits: ModelLimits, fps: int) -> int:
    if request.seconds is not None and request.num_frames is not None:
        raise SpecError(
            "num_frames", "invalid_num_frames", "Give either `seconds` or `num_frames`, not both."
        )
    if request.num_frames is not None:
        param, wanted, a_unit = "num_frames", float(request.num_frames), 1.0
    elif request.seconds is not None:
        param, wanted, a_unit = "seconds", request.seconds, float(fps)
    else:
        return limits.default_frames
    low, high = limits.min_frames / a_unit, limits.max_frames / a_unit
    # Rounding may lengthen a clip, so a little less than the shortest is fine: 2 s for 17 frames.
    if not low - limits.frame_stride / 2 / a_unit <= wanted <= high or wanted * a_unit < 1:
        possible = f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
        raise SpecError(
            param,
            f"invalid_{param}",
            f"`{param}` is {wanted:g}; at {fps} fps this model makes {possible} "
            f"{'frames' if param == 'num_frames' else 'seconds'}.",
        )
    return max(limits.nearest_frames(wanted * a_unit), limits.min_frames)


def _within(param: str, value: N | None, default: N, low: N, high: N) -> N:
    if value is None:
        return default
    if not low <= value <= high:
        raise SpecError(
            param, f"invalid_{param}", f"`{param}` is {value:g}; it must be {low:g} to {high:g}."
        )
    return value


def _sound(request: ClipRequest, limits: ModelLimits) -> bool:
    if request.sound and not limits.sound:
        raise SpecError(
            "sound",
            "sound_not_supported",
            "This model makes silent clips; leave `sound` out or choose a model with sound.",
        )
    return limits.sound if request.sound is None else request.sound
