"""Tiny HunyuanVideo 1.5s: two layers, 4x4 pixels by 2 frames a token."""

from pathlib import Path
from typing import Any

from diffusers import (
    AutoencoderKLHunyuanVideo15,
    ClassifierFreeGuidance,
    FlowMatchEulerDiscreteScheduler,
    HunyuanVideo15ImageToVideoPipeline,
    HunyuanVideo15Pipeline,
    HunyuanVideo15Transformer3DModel,
)
from transformers import (
    ByT5Tokenizer,
    PreTrainedTokenizerFast,
    Qwen2_5_VLTextConfig,
    Qwen2_5_VLTextModel,
    SiglipImageProcessor,
    SiglipVisionConfig,
    SiglipVisionModel,
    T5Config,
    T5EncoderModel,
)

from tests.checkpoints.parts import LIMITS, save, uneven, word_tokenizer

HUNYUAN_STATED = {"limits": {**LIMITS, "sizes": [[48, 32], [32, 48]]}}
# The blocks cut the 108 tokens of the real model's system message off, whatever it says here.
CHAT = "{{ '<bos> ' * 108 }}{{ messages[1]['content'] }} <eos>"


def build_hunyuan_t2v(folder: Path) -> None:
    """From text."""
    save(HunyuanVideo15Pipeline(**_parts("t2v")), folder, HUNYUAN_STATED)


def build_hunyuan_i2v(folder: Path) -> None:
    """From text and a first frame, which SigLIP turns into four tokens."""
    pipeline = HunyuanVideo15ImageToVideoPipeline(**_parts("i2v"), **_picture_parts())
    save(pipeline, folder, HUNYUAN_STATED)


def build_hunyuan_meanflow(folder: Path) -> None:
    """A step-distilled image-to-video model, which is told the next timestep too."""
    pipeline = HunyuanVideo15ImageToVideoPipeline(
        **_parts("i2v", use_meanflow=True), **_picture_parts()
    )
    save(pipeline, folder, HUNYUAN_STATED)


def _chat_tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = word_tokenizer()
    tokenizer.chat_template = CHAT
    return tokenizer


def _picture_parts() -> dict[str, Any]:
    return {
        "image_encoder": SiglipVisionModel(
            SiglipVisionConfig(
                hidden_size=16,
                intermediate_size=16,
                num_hidden_layers=1,
                num_attention_heads=2,
                image_size=16,
                patch_size=8,
            )
        ),
        "feature_extractor": SiglipImageProcessor(size={"height": 16, "width": 16}),
    }


def _parts(task: str, **more: Any) -> dict[str, Any]:
    return {
        "text_encoder": _text_encoder(),
        "tokenizer": _chat_tokenizer(),
        "text_encoder_2": T5EncoderModel(
            T5Config(vocab_size=384, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
        ),
        "tokenizer_2": ByT5Tokenizer(),
        "vae": _vae(),
        "transformer": uneven(
            HunyuanVideo15Transformer3DModel(
                in_channels=9,
                out_channels=4,
                num_attention_heads=4,
                attention_head_dim=8,
                num_layers=2,
                num_refiner_layers=1,
                mlp_ratio=2.0,
                text_embed_dim=16,
                text_embed_2_dim=16,
                image_embed_dim=16,
                rope_axes_dim=(2, 2, 4),
                task_type=task,
                **more,
            )
        ),
        "scheduler": FlowMatchEulerDiscreteScheduler(shift=7.0),
        "guider": ClassifierFreeGuidance(guidance_scale=6.0),
    }


def _text_encoder() -> Qwen2_5_VLTextModel:
    return Qwen2_5_VLTextModel(
        Qwen2_5_VLTextConfig(
            vocab_size=64,
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=2,
            rope_parameters={"rope_type": "default", "mrope_section": [1, 1, 2]},
        )
    )


def _vae() -> AutoencoderKLHunyuanVideo15:
    return AutoencoderKLHunyuanVideo15(
        latent_channels=4,
        block_out_channels=(16, 16, 16),
        layers_per_block=1,
        spatial_compression_ratio=4,
        temporal_compression_ratio=2,
    )
