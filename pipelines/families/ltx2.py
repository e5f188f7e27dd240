"""LTX-2: video and its sound denoised together, from text or from text and a first frame."""

from pipelines.checkpoint import UnsupportedCheckpoint
from pipelines.families.family import Config, Configs, Family
from pipelines.spec import ModelLimits

# The guidance that the library's own pipeline runs with, besides the prompt's scale: modality
# guidance costs a third forward pass a step, spatio-temporal guidance a fourth.
GUIDANCE = {"modality_scale": 3.0, "guidance_rescale": 0.7}
AUDIO_SCALE = 7.0
STG_BLOCK = 28


def family(configs: Configs) -> Family:
    """Text-to-video and image-to-video in one checkpoint."""
    if any(configs["index"].get("diffusion_decoder") or ()):
        raise UnsupportedCheckpoint(
            "this is LTX-2.5, which decodes with a diffusion model; use LTX-2 or LTX-2.3."
        )
    return Family(
        name="ltx2",
        blocks="LTX2AutoBlocks",
        encode=("text_encoder", "vae_encoder"),
        video="decode.default.video_decode",
        audio="decode.default.audio_decode",
        guider="LTX2Guidance",
        guiders=_guiders(configs.get("transformer", {})),
        config_only=("vae", "audio_vae"),
        masks=True,
        carried=("latents", "audio_latents"),
        max_sequence_length=1024,
        limits=_limits(configs),
    )


def _guiders(transformer: Config) -> dict[str, Config]:
    """Sound keeps the scale it was tuned for, whatever the request says for the picture."""
    perturbed = transformer.get("perturbed_attn") and transformer.get("num_layers", 48) > STG_BLOCK
    stg = {"stg_scale": 1.0} if perturbed else {}
    blocks = {"spatio_temporal_guidance_blocks": [STG_BLOCK]} if perturbed else {}
    return {
        "guider": {**GUIDANCE, **stg, **blocks},
        "audio_guider": {**GUIDANCE, **stg, "guidance_scale": AUDIO_SCALE},
    }


def _limits(configs: Configs) -> ModelLimits:
    vae = configs["vae"]
    stride = vae.get("temporal_compression_ratio") or _ratio(vae, vae.get("patch_size_t", 1))
    multiple = vae.get("spatial_compression_ratio") or _ratio(vae, vae.get("patch_size", 4))
    return ModelLimits(
        sizes=((768, 512), (512, 768), (1280, 704), (704, 1280), (1920, 1088), (1088, 1920)),
        free_sizes=True,
        size_multiple=multiple * configs.get("transformer", {}).get("patch_size", 1),
        max_pixels=1920 * 1088,
        frame_stride=stride,
        default_frames=121,
        max_frames=481,
        default_fps=24,
        min_fps=8,
        max_fps=60,
        default_steps=30,
        max_steps=100,
        default_guidance=3.0,
        max_guidance=20.0,
        default_negative_prompt="",
        max_prompt_chars=4_000,
        image="optional",
        sound=True,
    )


def _ratio(vae: Config, patch: int) -> int:
    """The ratio that the library derives where a configuration has none."""
    scaling = vae.get("spatio_temporal_scaling", True)
    levels = len(vae.get("layers_per_block", (4, 6, 6, 2, 2)))
    stages = (levels - 1) * scaling if isinstance(scaling, bool) else sum(scaling)
    return int(patch * 2**stages)
