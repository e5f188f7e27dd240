"""A tiny LTX-2: two layers, 16x16 pixels by 4 frames a token."""

from pathlib import Path
from typing import Any

from diffusers import (
    AutoencoderKLLTX2Audio,
    AutoencoderKLLTX2Video,
    FlowMatchEulerDiscreteScheduler,
    LTX2Pipeline,
    LTX2VideoTransformer3DModel,
)
from diffusers.pipelines.ltx2 import LTX2TextConnectors, LTX2Vocoder
from transformers import Gemma3TextConfig, Gemma3TextModel

from tests.checkpoints.parts import LIMITS, save, uneven, word_tokenizer

LTX2_STATED = {
    "limits": {**LIMITS, "sizes": [[64, 32], [32, 64]], "default_fps": 8},
    "max_sequence_length": 16,
    "guiders": {
        "guider": {"stg_scale": 1.0, "spatio_temporal_guidance_blocks": [1]},
        "audio_guider": {"guidance_scale": 7.0, "modality_scale": 3.0, "guidance_rescale": 0.7},
    },
}


def build_ltx2(folder: Path, **more: Any) -> None:
    """Video and sound, with or without a first frame; `more` is said to the transformer."""
    pipeline = LTX2Pipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=_ltx2_vae(),
        audio_vae=AutoencoderKLLTX2Audio(
            base_channels=8, latent_channels=2, num_res_blocks=1, ch_mult=(1, 2, 2), mel_bins=16
        ),
        text_encoder=Gemma3TextModel(
            Gemma3TextConfig(
                vocab_size=64,
                hidden_size=32,
                intermediate_size=32,
                num_hidden_layers=1,
                num_attention_heads=2,
                num_key_value_heads=2,
                head_dim=16,
            )
        ),
        tokenizer=word_tokenizer(),
        connectors=_ltx2_connectors(),
        transformer=uneven(_ltx2_transformer(**more)),
        vocoder=LTX2Vocoder(
            in_channels=2 * 16,
            hidden_channels=16,
            upsample_factors=[5, 4, 4, 2],
            upsample_kernel_sizes=[11, 8, 8, 4],
            resnet_kernel_sizes=[3],
            resnet_dilations=[[1]],
            output_sampling_rate=16_000,
        ),
    )
    save(pipeline, folder, LTX2_STATED)


def build_ltx2_gated(folder: Path) -> None:
    """What later checkpoints have: gated heads, split rotary tables, modulated cross-attention."""
    build_ltx2(
        folder,
        rope_type="split",
        gated_attn=True,
        audio_gated_attn=True,
        cross_attn_mod=True,
        audio_cross_attn_mod=True,
    )


def _ltx2_vae() -> AutoencoderKLLTX2Video:
    return AutoencoderKLLTX2Video(
        latent_channels=8,
        block_out_channels=(8, 16),
        down_block_types=("LTX2VideoDownBlock3D",) * 2,
        layers_per_block=(1, 1, 1),
        spatio_temporal_scaling=(True, True),
        downsample_type=("spatiotemporal", "spatiotemporal"),
        decoder_block_out_channels=(8, 16),
        decoder_layers_per_block=(1, 1, 1),
        decoder_spatio_temporal_scaling=(True, True),
        decoder_inject_noise=(False, False, False),
        upsample_type=("spatiotemporal", "spatiotemporal"),
        upsample_residual=(True, True),
        upsample_factor=(2, 2),
        patch_size=4,
        decoder_causal=False,
    )


def _ltx2_connectors() -> LTX2TextConnectors:
    return LTX2TextConnectors(
        caption_channels=32,
        text_proj_in_factor=2,
        video_connector_num_attention_heads=2,
        video_connector_attention_head_dim=16,
        video_connector_num_layers=1,
        video_connector_num_learnable_registers=8,
        audio_connector_num_attention_heads=2,
        audio_connector_attention_head_dim=16,
        audio_connector_num_layers=1,
        audio_connector_num_learnable_registers=8,
    )


def _ltx2_transformer(**more: Any) -> LTX2VideoTransformer3DModel:
    return LTX2VideoTransformer3DModel(
        in_channels=8,
        out_channels=8,
        num_attention_heads=4,
        attention_head_dim=8,
        cross_attention_dim=32,
        vae_scale_factors=(4, 16, 16),
        audio_in_channels=8,
        audio_out_channels=8,
        audio_num_attention_heads=4,
        audio_attention_head_dim=4,
        audio_cross_attention_dim=16,
        num_layers=2,
        caption_channels=32,
        perturbed_attn=True,
        **more,
    )
