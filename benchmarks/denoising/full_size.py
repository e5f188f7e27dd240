"""Full-size models with random weights, made on the device itself: no checkpoint, no disk."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import diffusers
import torch

from benchmarks.denoising.stock import StockLoop
from benchmarks.denoising.subject import PROMPT, Subject
from pipelines.families import ltx2, wan
from pipelines.families.family import Config, Configs, Family
from pipelines.handoff import Parcel
from pipelines.library_talk import silence_libraries
from pipelines.spec import ClipRequest, resolve
from pipelines.stages.components import find_block
from pipelines.stages.denoise import DenoiseStage
from pipelines.stages.denoiser import Denoiser

LTX2_CLASSES = {
    "transformer": "LTX2VideoTransformer3DModel",
    "vae": "AutoencoderKLLTX2Video",
    "audio_vae": "AutoencoderKLLTX2Audio",
    "scheduler": "FlowMatchEulerDiscreteScheduler",
}
WAN_CLASSES = {
    "transformer": "WanTransformer3DModel",
    "vae": "AutoencoderKLWan",
    "scheduler": "UniPCMultistepScheduler",
}
LTX2_SCHEDULER = {
    "use_dynamic_shifting": True,
    "base_shift": 0.95,
    "max_shift": 2.05,
    "base_image_seq_len": 1024,
    "max_image_seq_len": 4096,
    "shift_terminal": 0.1,
}
WAN_SCHEDULER = {
    "prediction_type": "flow_prediction",
    "use_flow_sigmas": True,
    "flow_shift": 3.0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model by its configs, and the clip to measure; tokens and width of its text."""

    name: str
    family: Callable[[Configs], Family]
    classes: Mapping[str, str]
    configs: Configs
    """Constructor arguments by component; what is left out is the library's default."""
    size: tuple[int, int, int]
    """Width, height, frames."""
    text: tuple[int, int]
    text_names: tuple[str, ...]
    text_masks: tuple[str, ...] = ()
    said: Config
    """What the encode stage hands on besides tensors."""


def ltx2_model(*, tiny: bool) -> Model:
    """LTX-2 with 19 billion parameters: the library's defaults are its configuration."""
    small: dict[str, Any] = {
        "num_attention_heads": 2,
        "attention_head_dim": 16,
        "cross_attention_dim": 32,
        "audio_num_attention_heads": 2,
        "audio_attention_head_dim": 8,
        "audio_cross_attention_dim": 16,
        "num_layers": 2,
        "caption_channels": 32,
    }
    sides = ("", "negative_")
    return Model(
        name="LTX-2 tiny" if tiny else "LTX-2 19B",
        family=ltx2.family,
        classes=LTX2_CLASSES,
        configs={
            "transformer": small if tiny else {},
            "vae": {"spatial_compression_ratio": 32, "temporal_compression_ratio": 8},
            "audio_vae": {},
            "scheduler": LTX2_SCHEDULER,
        },
        size=(64, 64, 9) if tiny else (768, 512, 121),
        text=(16, 32) if tiny else (1024, 3840),
        text_names=tuple(
            f"{side}connector_{kind}prompt_embeds" for side in sides for kind in ("", "audio_")
        ),
        text_masks=tuple(f"{side}connector_attention_mask" for side in sides),
        said={"batch_size": 1},
    )


def wan_model(*, tiny: bool) -> Model:
    """Wan 2.1 text-to-video with 1.3 billion parameters."""
    small: dict[str, Any] = {
        "num_attention_heads": 2,
        "attention_head_dim": 24,
        "text_dim": 16,
        "freq_dim": 16,
        "ffn_dim": 32,
        "num_layers": 2,
    }
    large = {"num_attention_heads": 12, "ffn_dim": 8960, "num_layers": 30}
    return Model(
        name="Wan 2.1 tiny" if tiny else "Wan 2.1 1.3B",
        family=wan.text_to_video,
        classes=WAN_CLASSES,
        configs={"transformer": small if tiny else large, "vae": {}, "scheduler": WAN_SCHEDULER},
        size=(64, 64, 9) if tiny else (832, 480, 81),
        text=(16, 16) if tiny else (512, 4096),
        text_names=("prompt_embeds", "negative_prompt_embeds"),
        said={},
    )


def build(model: Model, *, dtype: torch.dtype, device: torch.device, steps: int) -> Subject:
    """Weights of a seed, made where they are used."""
    silence_libraries()
    torch.manual_seed(0)
    outlines = {name: _outline(model, name) for name in ("vae", "audio_vae", "transformer")}
    configs = {name: dict(built.config) for name, built in outlines.items() if built is not None}
    family = model.family({"index": {}, **configs})
    width, height, frames = model.size
    request = ClipRequest(prompt=PROMPT, width=width, height=height, num_frames=frames, steps=steps)
    spec = resolve(request, family.limits, fresh_seed=3)
    guider = getattr(diffusers, family.guider)
    parts = {
        "transformer": _random(model, dtype, device),
        "scheduler": _scheduler(model),
        **{name: outlines[name] for name in family.config_only},
    }
    guiders = {
        name: guider(**{"guidance_scale": spec.guidance_scale, **options})
        for name, options in family.guiders.items()
    }
    return Subject(
        name=f"{model.name} {width}x{height}x{frames}",
        spec=spec,
        conditioning=_conditioning(model, dtype),
        stage=_stage(family, {**parts, "scheduler": _scheduler(model)}, dtype, device),
        stock=StockLoop(family.blocks, {**parts, **guiders}, dtype=dtype, device=device),
        transformer=parts["transformer"],
        device=device,
    )


def _stage(
    family: Family, parts: Mapping[str, Any], dtype: torch.dtype, device: torch.device
) -> DenoiseStage:
    """What `DenoiseStage.load` makes, from components that no file has."""
    blocks = getattr(diffusers, family.blocks)()
    block = find_block(blocks, family.denoise)
    pipeline = block.init_pipeline()
    guider = getattr(diffusers, family.guider)
    for name, options in family.guiders.items():
        setattr(pipeline, name, guider(**options))
    for name, part in parts.items():
        setattr(pipeline, name, part)
    paths = [path for path in (family.video, family.audio) if path]
    return DenoiseStage(
        Denoiser(
            family=family,
            pipeline=pipeline,
            block=block,
            decoders=tuple(find_block(blocks, path) for path in paths),
            dtype=dtype,
            device=device,
            identity={"family": family.name, "dtype": str(dtype)},
        )
    )


def _outline(model: Model, name: str) -> Any:
    if name not in model.classes:
        return None
    with torch.device("meta"):
        return getattr(diffusers, model.classes[name])(**model.configs[name])


def _scheduler(model: Model) -> Any:
    return getattr(diffusers, model.classes["scheduler"])(**model.configs["scheduler"])


def _random(model: Model, dtype: torch.dtype, device: torch.device) -> Any:
    """The transformer with the layers' usual first weights; what loading keeps in float32 is so."""
    kind = getattr(diffusers, model.classes["transformer"])
    with _default_dtype(dtype), torch.device(device):
        transformer = kind(**model.configs["transformer"]).eval().requires_grad_(False)
    kept = set(kind._keep_in_fp32_modules or ())
    for name, parameter in transformer.named_parameters():
        if kept & set(name.split(".")):
            parameter.data = parameter.data.float()
    return transformer


@contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _conditioning(model: Model, dtype: torch.dtype) -> Parcel:
    """Noise where the encode stage would hand on what it read from a prompt."""
    noise = torch.Generator("cpu").manual_seed(1)
    tokens, width = model.text
    tensors = {
        name: torch.randn(1, tokens, width, generator=noise).to(dtype) for name in model.text_names
    }
    masks = {name: torch.ones(1, tokens, dtype=torch.int64) for name in model.text_masks}
    said = {**model.said, "tags": {}, **({"dtype": dtype} if model.text_masks else {})}
    return Parcel("conditioning", {**tensors, **masks}, said)
