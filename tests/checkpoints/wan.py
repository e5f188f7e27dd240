"""Tiny Wans of every kind: two layers each, and the real VAE's ratios."""

from pathlib import Path
from typing import Any

from diffusers import (
    AutoencoderKLWan,
    UniPCMultistepScheduler,
    WanImageToVideoPipeline,
    WanPipeline,
    WanTransformer3DModel,
)
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    CLIPVisionModel,
    UMT5Config,
    UMT5EncoderModel,
)

from tests.checkpoints.parts import LIMITS, save, uneven, word_tokenizer

WAN_STATED = {
    "limits": {**LIMITS, "sizes": [[48, 32], [32, 48]]},
    "max_sequence_length": 16,
}


def build_wan21_t2v(folder: Path) -> None:
    """One transformer, from text."""
    save(WanPipeline(transformer=_wan_transformer(16), **_wan_parts()), folder, WAN_STATED)


def build_wan21_i2v(folder: Path) -> None:
    """One transformer that looks at the first frame through CLIP too; 512 tokens, always."""
    pipeline = WanImageToVideoPipeline(
        transformer=_wan_transformer(36, image_dim=16, added_kv_proj_dim=24),
        image_encoder=CLIPVisionModel(
            CLIPVisionConfig(
                hidden_size=16,
                intermediate_size=16,
                num_hidden_layers=2,
                num_attention_heads=2,
                image_size=32,
                patch_size=2,
            )
        ),
        image_processor=CLIPImageProcessor(crop_size=32, size=32),
        **_wan_parts(),
    )
    save(pipeline, folder, {"limits": WAN_STATED["limits"]})


def build_wan22_t2v(folder: Path) -> None:
    """A transformer for high and one for low noise, from text."""
    pipeline = WanPipeline(
        transformer=_wan_transformer(16),
        transformer_2=_wan_transformer(16),
        boundary_ratio=0.875,
        **_wan_parts(),
    )
    save(pipeline, folder, WAN_STATED)


def build_wan22_i2v(folder: Path) -> None:
    """A transformer for high and one for low noise, from text and a first frame."""
    pipeline = WanImageToVideoPipeline(
        transformer=_wan_transformer(36),
        transformer_2=_wan_transformer(36),
        boundary_ratio=0.9,
        **_wan_parts(),
    )
    save(pipeline, folder, WAN_STATED)


def build_wan22_5b(folder: Path) -> None:
    """The kind that is refused: its class is that of the others, its latents are not."""
    pipeline = WanPipeline(transformer=_wan_transformer(16), expand_timesteps=True, **_wan_parts())
    save(pipeline, folder, WAN_STATED)


def _wan_parts() -> dict[str, Any]:
    return {
        "tokenizer": word_tokenizer(),
        "text_encoder": UMT5EncoderModel(
            UMT5Config(vocab_size=64, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
        ),
        "vae": AutoencoderKLWan(
            base_dim=4,
            z_dim=16,
            dim_mult=[1, 1, 1, 1],
            num_res_blocks=1,
            temperal_downsample=[False, True, True],
        ),
        "scheduler": UniPCMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0
        ),
    }


def _wan_transformer(in_channels: int, **more: Any) -> WanTransformer3DModel:
    transformer = WanTransformer3DModel(
        num_attention_heads=4,
        attention_head_dim=6,
        in_channels=in_channels,
        out_channels=16,
        text_dim=16,
        freq_dim=16,
        ffn_dim=16,
        num_layers=2,
        **more,
    )
    return uneven(transformer)
