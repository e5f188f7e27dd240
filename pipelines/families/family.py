"""What a family is: which modular blocks form each stage, and what its models can do. Pure data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipelines.spec import ModelLimits

Config = Mapping[str, Any]
Configs = Mapping[str, Config]
"""The JSON of a checkpoint's components by folder name, and its model index as `index`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """How one kind of model is cut into stages. Blocks are named by their path in `blocks`."""

    name: str
    """Carried by job checkpoints, such as `ltx2` or `wan-2.2-i2v`."""
    blocks: str
    """The library's whole modular pipeline: a class of diffusers, or `module:class` of ours."""
    encode: tuple[str, ...]
    """Blocks that turn prompt and picture into conditioning."""
    encode_dtype_of: tuple[str, ...] = ()
    """Components that the encode blocks do not load but ask for their dtype."""
    denoise: str = "denoise"
    """Block that turns conditioning into latents; what it runs last is the denoising loop."""
    video: str
    """Block that turns latents into frames."""
    video_in_parts: bool = False
    """Whether its VAE decodes some frames at a time, each once and for good."""
    audio: str | None = None
    """Block that turns latents into a waveform."""
    guider: str
    """Guider class of diffusers."""
    guiders: Mapping[str, Config]
    """The denoiser's guiders and their options; each takes the job's scale unless it states one."""
    config_only: tuple[str, ...]
    """Components of which denoising reads the configuration but never the weights."""
    float32: tuple[str, ...] = ()
    """Components that stay in float32 whatever the model's dtype is."""
    adapted: Mapping[str, str] = field(default_factory=dict)
    """Components that a function (`module:function`) changes once they are built."""
    masks: bool = False
    """Whether the transformer passes masks to attention, which few kernels take."""
    carried: tuple[str, ...] = ("latents",)
    """What one denoising step hands to the next, besides the schedulers' own state."""
    max_sequence_length: int
    """Tokens of a prompt."""
    encode_options: Config = field(default_factory=dict)
    """Further inputs of the encode blocks."""
    stateable: frozenset[str] = frozenset({"max_sequence_length", "guiders", "encode_options"})
    """What a checkpoint may state in place of its family's, besides limits."""
    limits: ModelLimits
