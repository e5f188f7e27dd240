"""HunyuanVideo 1.5: silent clips from text, or from text and a first frame."""

import dataclasses

from pipelines.checkpoint import UnsupportedCheckpoint
from pipelines.families.family import Config, Configs, Family
from pipelines.spec import ModelLimits

PARTS = "pipelines.families.hunyuan_parts"
SMALL_SIZES = ((848, 480), (480, 848), (640, 640))
LARGE_SIZES = ((1280, 720), (720, 1280), (960, 960))
LARGE_TARGET = 960
"""What a 720p checkpoint states as its `target_size`, the root of its pixels; 480p ones say 640."""
GUIDANCE = 6.0
TOKENS = 1000
"""The language model's tokens of a prompt: the library's blocks pad to it, whatever they are told.
Glyphs (text in quotes) and the first frame have tokens of their own beside these."""


def by_task(configs: Configs) -> Family:
    """A modular checkpoint does not say in its index which kind it is; its transformer does."""
    task = configs["transformer"].get("task_type", "i2v")
    return text_to_video(configs) if task == "t2v" else image_to_video(configs)


def text_to_video(configs: Configs) -> Family:
    """From text alone."""
    if configs.get("transformer", {}).get("use_meanflow"):
        raise UnsupportedCheckpoint(
            "this is a step-distilled text-to-video model, to which the library does not tell the "
            "next timestep; use a text-to-video checkpoint that is not step-distilled."
        )
    return _family(configs)


def image_to_video(configs: Configs) -> Family:
    """From text and a first frame, which SigLIP looks at as well."""
    family = _family(configs)
    return dataclasses.replace(
        family,
        name="hunyuan-1.5-i2v",
        blocks=f"{PARTS}:PictureBlocks",
        encode=("text_encoder", "vae_encoder", "image_encoder"),
        limits=dataclasses.replace(family.limits, image="required"),
    )


def _family(configs: Configs) -> Family:
    return Family(
        name="hunyuan-1.5-t2v",
        blocks="HunyuanVideo15AutoBlocks",
        encode=("text_encoder",),
        encode_dtype_of=("transformer",),
        video="decode",
        guider="ClassifierFreeGuidance",
        guiders={"guider": {}},
        config_only=("vae",),
        adapted={"transformer": f"{PARTS}:drop_padding"},
        max_sequence_length=TOKENS,
        stateable=frozenset({"guiders", "encode_options"}),
        limits=_limits(configs),
    )


def _limits(configs: Configs) -> ModelLimits:
    vae, transformer = configs.get("vae", {}), configs.get("transformer", {})
    large = transformer.get("target_size", LARGE_TARGET) >= LARGE_TARGET
    sizes = LARGE_SIZES + SMALL_SIZES if large else SMALL_SIZES
    width, height = sizes[0]
    return ModelLimits(
        sizes=sizes,
        free_sizes=True,
        size_multiple=vae.get("spatial_compression_ratio", 16) * transformer.get("patch_size", 1),
        max_pixels=width * height,
        frame_stride=vae.get("temporal_compression_ratio", 4),
        default_frames=121,
        max_frames=241,
        default_fps=24,
        min_fps=24,
        max_fps=24,
        default_steps=_steps(transformer),
        max_steps=100,
        default_guidance=_guidance(configs),
        max_guidance=20.0,
        default_negative_prompt="",
        max_prompt_chars=4_000,
        image="none",
        sound=False,
    )


def _steps(transformer: Config) -> int:
    """Step-distilled models are made for 8 to 12."""
    return 12 if transformer.get("use_meanflow") else 50


def _guidance(configs: Configs) -> float:
    """Distilled checkpoints say 1 in their guider's config: one pass a step instead of two."""
    return float(configs.get("guider", {}).get("guidance_scale", GUIDANCE))
