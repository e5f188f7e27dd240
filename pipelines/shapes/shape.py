"""The shape of a model: how many multiply-adds ("macs", 2 FLOPs each) its parts do, and where.

A linear layer does as many macs per token as it has weights, attention 2 * width for each pair of a
query and a key (scores, then values), a convolution as many per output site as it has weights. So
these counts are also counts of weights. Norms, rotations and activations are left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Stream = Literal["video", "audio", "text", "glyphs", "picture"]
"""Kinds of tokens in a transformer; `picture` is a first frame seen by an image encoder, `glyphs`
is what HunyuanVideo appends to the text whether or not there is anything to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """One kind of attention, over all layers: `width` is heads * head size * layers."""

    queries: Stream
    keys: Stream
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformerShape:
    """A denoiser."""

    macs: Mapping[Stream, int]
    """Per token of each stream."""
    fixed_macs: int
    """Once per pass: the timestep's embedding and modulation."""
    picture_macs: int = 0
    """More per video token when a first frame gives each token a timestep of its own."""
    shared_macs: int = 0
    """Macs above that are not weights: of two streams that go through the same layers."""
    attentions: tuple[Attention, ...]
    live_values: int
    """Numbers held per video token at the peak of a layer."""
    picture_live_values: int = 0
    """More of them when each token has a timestep of its own."""
    experts: int = 1
    """Transformers on the device, of which one runs at any step (Wan 2.2 has two)."""

    @property
    def parameters(self) -> int:
        return self.experts * (sum(self.macs.values()) + self.fixed_macs - self.shared_macs)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextShape:
    """A text encoder: macs per token, attention width over all layers, and weights."""

    macs: int
    attention_width: int
    parameters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvLevel:
    """The convolutions of a video decoder at one resolution.

    A frame is `space` times smaller there on each side. Causal decoders keep the first frame
    alone: F frames are (F - 1) / `time` + 1 there.
    """

    macs: int
    """Per site: a position in a frame."""
    space: int
    time: int
    channels: int
    """The widest tensor, in numbers per site."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderShape:
    """A video decoder, and what turns latents into sound beside it."""

    levels: tuple[ConvLevel, ...]
    whole_clip: bool
    """Whether all frames pass each level together (LTX-2) or latent frame by latent frame (Wan)."""
    live_tensors: float = 13.0
    """How many of the widest tensor are held at the peak; one that goes latent frame by latent
    frame keeps frames of every layer besides."""
    tile_side: int = 256
    """Pixels along each side of a tile, by the library's default."""
    attention_width: int = 0
    """Attention among all latents of a clip (HunyuanVideo), over a mask of latents x latents."""
    sound_macs_per_s: int = 0
    """Audio VAE and vocoder, per second of sound."""

    @property
    def parameters(self) -> int:
        return sum(level.macs for level in self.levels)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelShape:
    """All that a model's arithmetic depends on."""

    transformer: TransformerShape
    text: TextShape
    decoder: DecoderShape
    token_side: int
    """Pixels along each side of a video token."""
    token_frames: int
    """Frames of a video token; the first frame has tokens of its own."""
    text_tokens: int
    """Tokens of a prompt, padding included: all families pad to a fixed number."""
    encoder_tokens: int | None = None
    """What the text encoder reads for a prompt, where that is more."""
    picture_tokens: int = 0
    picture_parameters: int = 0
    """Weights of the image encoder, where there is one beside the VAE."""
    glyph_tokens: int = 0
    audio_tokens_per_s: float = 0.0
    picture_frames: Literal["one", "all"] = "one"
    """What the VAE encodes of a first frame: it alone, or a clip that starts with it (Wan)."""
    guided_passes: int = 2
    """Forward passes a step with guidance."""
    plain_passes: int = 1
    """Forward passes a step at guidance 1."""
    exact: bool = True
    """False where the family is not known and the shape is a guess from the usual keys."""
