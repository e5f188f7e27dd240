"""What a clip costs: GPU-seconds per stage, from its spec and the model's shape.

FLOPs are counted from the shape, to within a few percent of torch's own counter (a test compares
them), and divided by a device's measured rate; what a device makes of them beyond that is learnt by
`Calibration`, stage by stage.

Worked numbers at 400 TFLOP/s. LTX-2, 768x512, 121 frames at 24 fps, 30 steps of 4 passes: 6,144
video, 126 audio and 1,024 text tokens, 0.20 PFLOP a pass (18% attention): encode 0.14 s, denoise
60 s, decode 0.15 s. Wan 2.1 14B, 1280x720, 81 frames, 50 steps of 2 passes: 75,600 tokens, 6.5
PFLOP a pass (72% attention): encode 0.02 s, denoise 1,631 s, decode 1.6 s.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import exp, log
from typing import Literal

from pipelines.shapes.shape import ConvLevel, ModelShape, Stream
from pipelines.spec import ClipSpec

Stage = Literal["encode", "denoise", "decode"]

LEARNING_RATE = 0.1
"""Weight of one observation, once ten were made; before that each counts the same."""
MOST_CHANGE = 4.0
"""An observation that is further off than this factor counts as one that is just as far off."""
FACTOR_RANGE = (1e-4, 1e4)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageCosts:
    """GPU-seconds of one clip: time on a device, summed over the devices that are held."""

    encode_s: float
    denoise_s: float
    decode_s: float

    @property
    def total_s(self) -> float:
        return self.encode_s + self.denoise_s + self.decode_s

    def remaining_s(self, step: int, steps: int) -> float:
        """What is still to do after `step` of `steps`; at step 0 that is everything."""
        encode_s = self.encode_s if step == 0 else 0.0
        return encode_s + self.denoise_s * (1 - step / steps) + self.decode_s


def predict(shape: ModelShape, spec: ClipSpec, *, gflops_per_s: float) -> StageCosts:
    """GPU-seconds of a clip on devices that do `gflops_per_s` billion FLOPs a second."""
    rate = gflops_per_s * 1e9
    return StageCosts(
        encode_s=encode_flops(shape, spec) / rate,
        denoise_s=spec.steps * step_flops(shape, spec) / rate,
        decode_s=decode_flops(shape, spec) / rate,
    )


def tokens(shape: ModelShape, spec: ClipSpec) -> dict[Stream, int]:
    """How many tokens of each kind the denoiser sees. LTX-2 denoises sound even if unwanted."""
    frames = (spec.num_frames - 1) // shape.token_frames + 1
    return {
        "video": frames * (spec.height // shape.token_side) * (spec.width // shape.token_side),
        "audio": round(spec.seconds * shape.audio_tokens_per_s),
        "text": shape.text_tokens,
        "glyphs": shape.glyph_tokens,
        "picture": shape.picture_tokens if spec.has_image else 0,
    }


def pass_flops(shape: ModelShape, spec: ClipSpec) -> int:
    """FLOPs of one forward pass of the denoiser."""
    count = tokens(shape, spec)
    transformer = shape.transformer
    macs = transformer.fixed_macs + sum(
        per_token * count[stream] for stream, per_token in transformer.macs.items()
    )
    macs += sum(2 * a.width * count[a.queries] * count[a.keys] for a in transformer.attentions)
    if spec.has_image:
        macs += transformer.picture_macs * count["video"]
    return 2 * macs


def step_flops(shape: ModelShape, spec: ClipSpec) -> int:
    """FLOPs of one denoising step: all its passes, which guidance multiplies."""
    passes = shape.guided_passes if spec.guidance_scale > 1 else shape.plain_passes
    return passes * pass_flops(shape, spec)


def encode_flops(shape: ModelShape, spec: ClipSpec) -> int:
    """FLOPs for the two prompts and the first frame, which costs what decoding it would."""
    text = shape.text
    count = shape.encoder_tokens or shape.text_tokens
    per_token = text.macs + 2 * text.attention_width * count
    macs = 2 * count * per_token
    if spec.has_image:
        macs += _video_macs(shape, spec, 1 if shape.picture_frames == "one" else spec.num_frames)
    return 2 * macs


def decode_flops(shape: ModelShape, spec: ClipSpec) -> int:
    """FLOPs of the video decoder, and of what makes sound if the clip has any."""
    sound = round(spec.seconds * shape.decoder.sound_macs_per_s) if spec.sound else 0
    return 2 * (_video_macs(shape, spec, spec.num_frames) + sound)


def _video_macs(shape: ModelShape, spec: ClipSpec, num_frames: int) -> int:
    levels = shape.decoder.levels
    macs = sum(level.macs * sites(level, spec, num_frames) for level in levels)
    return macs + 2 * shape.decoder.attention_width * sites(levels[0], spec, num_frames) ** 2


def sites(level: ConvLevel, spec: ClipSpec, num_frames: int) -> int:
    """Positions of a clip of `num_frames` at one level of the decoder."""
    frames = (num_frames - 1) // level.time + 1
    return frames * (spec.height // level.space) * (spec.width // level.space)


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """How much longer than predicted a stage of a model takes, after `count` observations."""

    factor: float = 1.0
    count: int = 0

    def after(self, ratio: float) -> "Correction":
        """With one more observed / predicted ratio.

        The factor moves by the ratio's logarithm, so twice too long and half too long weigh the
        same; for small errors that is factor * (1 + 0.1 * (ratio / factor - 1)).
        """
        low, high = FACTOR_RANGE
        if self.count == 0:
            return Correction(factor=min(max(ratio, low), high), count=1)
        error = min(max(ratio / self.factor, 1 / MOST_CHANGE), MOST_CHANGE)
        weight = max(LEARNING_RATE, 1 / (self.count + 1))
        factor = self.factor * exp(weight * log(error))
        return Correction(factor=min(max(factor, low), high), count=self.count + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What was learnt from finished stages; a new value after each observation."""

    corrections: Mapping[tuple[str, Stage], Correction] = field(default_factory=dict)

    def factor(self, model: str, stage: Stage) -> float:
        """Observed over predicted time; 1 before anything was observed."""
        return self.corrections.get((model, stage), Correction()).factor

    def observed(
        self, model: str, stage: Stage, *, predicted_s: float, observed_s: float
    ) -> "Calibration":
        """Learn from a finished stage; `predicted_s` is what `predict` said, uncorrected.

        A prediction or an observation of no time at all teaches nothing.
        """
        if not (predicted_s > 0 and observed_s > 0):
            return self
        known = self.corrections.get((model, stage), Correction())
        learnt = known.after(observed_s / predicted_s)
        return Calibration(corrections={**self.corrections, (model, stage): learnt})

    def corrected(self, model: str, costs: StageCosts) -> StageCosts:
        """The prediction as experience has it."""
        return StageCosts(
            encode_s=costs.encode_s * self.factor(model, "encode"),
            denoise_s=costs.denoise_s * self.factor(model, "denoise"),
            decode_s=costs.decode_s * self.factor(model, "decode"),
        )
