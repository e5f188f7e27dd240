"""Wan 2.1 and Wan 2.2 A14B: silent clips from text, or from text and a first frame."""

import dataclasses

from pipelines.checkpoint import UnsupportedCheckpoint
from pipelines.families.family import Config, Configs, Family
from pipelines.spec import ModelLimits

SMALL_SIZES = ((832, 480), (480, 832))
LARGE_SIZES = ((1280, 720), (720, 1280))
LARGE_HEADS = 40
"""Attention heads of the 14B models, which make 720p; the 1.3B model (12 heads) stops at 480p."""
FIRST_AND_LAST_TOKENS = 514


def text_to_video(configs: Configs) -> Family:
    """One transformer (2.1), or one for high and one for low noise (2.2 A14B)."""
    _refuse(configs)
    two = _has_two_transformers(configs["index"])
    return Family(
        name="wan-2.2-t2v" if two else "wan-2.1-t2v",
        blocks="Wan22Blocks" if two else "WanBlocks",
        encode=("text_encoder",),
        video="decode",
        video_in_parts=True,
        guider="ClassifierFreeGuidance",
        guiders={"guider": {}, "guider_2": {}} if two else {"guider": {}},
        config_only=("vae",),
        float32=("vae", "image_encoder"),
        max_sequence_length=512,
        limits=_limits(configs, two=two),
    )


def image_to_video(configs: Configs) -> Family:
    """The same, from a first frame; 2.1 looks at it through CLIP as well."""
    family = text_to_video(configs)
    limits = dataclasses.replace(family.limits, image="required")
    if _has_two_transformers(configs["index"]):
        return dataclasses.replace(
            family,
            name="wan-2.2-i2v",
            blocks="Wan22Image2VideoBlocks",
            encode=("text_encoder", "vae_encoder"),
            limits=limits,
        )
    return dataclasses.replace(
        family,
        name="wan-2.1-i2v",
        blocks="WanImage2VideoAutoBlocks",
        encode=("text_encoder", "image_encoder", "vae_encoder"),
        # The transformer takes the last 512 tokens for text, however many there are.
        stateable=family.stateable - {"max_sequence_length"},
        limits=limits,
    )


def _has_two_transformers(index: Config) -> bool:
    return index.get("boundary_ratio") is not None


def _refuse(configs: Configs) -> None:
    """Checkpoints that share the class name, run without an error, and come out wrong."""
    index, transformer = configs["index"], configs.get("transformer", {})
    if index.get("expand_timesteps") or configs.get("vae", {}).get("z_dim", 16) != 16:
        raise UnsupportedCheckpoint(
            "this is Wan 2.2 TI2V-5B, which the library's Wan blocks would run to a wrong result; "
            "use Wan 2.1 or Wan 2.2 A14B."
        )
    if transformer.get("pos_embed_seq_len") == FIRST_AND_LAST_TOKENS:
        raise UnsupportedCheckpoint(
            "this is Wan 2.1 FLF2V, which needs a last frame as well as a first one; use an I2V "
            "checkpoint."
        )


def _limits(configs: Configs, *, two: bool) -> ModelLimits:
    vae, transformer = configs.get("vae", {}), configs.get("transformer", {})
    halvings = vae.get("temperal_downsample", (False, True, True))
    patch = transformer.get("patch_size", (1, 2, 2))[1]
    large = transformer.get("num_attention_heads", LARGE_HEADS) >= LARGE_HEADS
    width, height = (LARGE_SIZES if large else SMALL_SIZES)[0]
    return ModelLimits(
        sizes=SMALL_SIZES + LARGE_SIZES if large else SMALL_SIZES,
        free_sizes=True,
        size_multiple=2 ** len(halvings) * patch,
        max_pixels=width * height,
        frame_stride=2 ** sum(halvings),
        default_frames=81,
        max_frames=81,
        default_fps=16,
        min_fps=16,
        max_fps=16,
        default_steps=40 if two else 50,
        max_steps=100,
        default_guidance=5.0,
        max_guidance=20.0,
        default_negative_prompt="",
        max_prompt_chars=2_000,
        image="none",
        sound=False,
    )
