"""Sizes of every component of the embedded model; all classes are diffusers' or transformers'."""

from typing import Any, Final

import torch
from diffusers import (
    AutoencoderKLLTX2Audio,
    AutoencoderKLLTX2Video,
    FlowMatchEulerDiscreteScheduler,
    LTX2VideoTransformer3DModel,
)
from diffusers.pipelines.ltx2.connectors import LTX2TextConnectors
from diffusers.pipelines.ltx2.vocoder import LTX2Vocoder
from transformers import Gemma3TextConfig, Gemma3TextModel

from pipelines.embedded.sound import HOP, SAMPLE_RATE

SPATIAL_RATIO: Final = 24
TEMPORAL_RATIO: Final = 4
LATENT_CHANNELS: Final = 64
MEL_BINS: Final = 64
AUDIO_FEATURES: Final = 32  # latent channels x mel bins / 4: one audio token
TEXT_WIDTH: Final = 128
TEXT_LAYERS: Final = 2
MAX_TEXT: Final = 32  # tokens of a prompt, and learnable registers of the connectors


def video_vae_config() -> dict[str, Any]:
    """Patches of 6x6, then two halvings of time and space: 24x24 pixels x 4 frames a token."""
    return {
        "latent_channels": LATENT_CHANNELS,
        "block_out_channels": (128, 256),
        "down_block_types": ("LTX2VideoDownBlock3D",) * 2,
        "layers_per_block": (1, 2, 1),
        "spatio_temporal_scaling": (True, True),
        "downsample_type": ("spatiotemporal", "spatiotemporal"),
        "decoder_block_out_channels": (128, 256),
        "decoder_layers_per_block": (2, 3, 1),
        "decoder_spatio_temporal_scaling": (True, True),
        "decoder_inject_noise": (False, False, False),
        "upsample_type": ("spatiotemporal", "spatiotemporal"),
        "upsample_residual": (True, True),
        "upsample_factor": (2, 2),
        "patch_size": 6,
        "encoder_causal": True,
        "decoder_causal": False,
        "decoder_spatial_padding_mode": "replicate",
        "spatial_compression_ratio": SPATIAL_RATIO,
        "temporal_compression_ratio": TEMPORAL_RATIO,
    }


def build_video_vae() -> AutoencoderKLLTX2Video:
    """Make an untrained video VAE: (batch, 3, 1 + 4n, 24h, 24w) <-> (batch, 64, 1 + n, h, w)."""
    return AutoencoderKLLTX2Video(**video_vae_config())


def build_audio_vae() -> AutoencoderKLLTX2Audio:
    """Make an untrained audio VAE: (batch, 2, 4n - 3, 64) log-mel <-> (batch, 2, n, 16), 25 Hz."""
    return AutoencoderKLLTX2Audio(
        base_channels=AUDIO_FEATURES,
        ch_mult=(1, 2, 2),
        num_res_blocks=1,
        latent_channels=2,
        sample_rate=SAMPLE_RATE,
        mel_hop_length=HOP,
        mel_bins=MEL_BINS,
    )


def build_vocoder() -> LTX2Vocoder:
    """Make an untrained vocoder: (batch, 2, n, 64) log-mel -> (batch, 2, 160n) samples, 16 kHz."""
    return LTX2Vocoder(
        in_channels=2 * MEL_BINS,
        hidden_channels=128,
        out_channels=2,
        upsample_factors=[5, 4, 4, 2],
        upsample_kernel_sizes=[11, 8, 8, 4],
        resnet_kernel_sizes=[3],
        resnet_dilations=[[1, 3, 5]],
        output_sampling_rate=SAMPLE_RATE,
    )


def build_text_encoder(words: int) -> Gemma3TextModel:
    """Make an untrained Gemma 3 of two layers for a vocabulary of `words`."""
    config = Gemma3TextConfig(
        vocab_size=words,
        hidden_size=TEXT_WIDTH,
        intermediate_size=4 * TEXT_WIDTH,
        num_hidden_layers=TEXT_LAYERS,
        num_attention_heads=4,
        num_key_value_heads=4,
        head_dim=TEXT_WIDTH // 4,
        max_position_embeddings=1024,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    return Gemma3TextModel(config)


def build_connectors() -> LTX2TextConnectors:
    """Make the untrained connectors: text encoder states -> text for video and audio."""
    return LTX2TextConnectors(
        caption_channels=TEXT_WIDTH,
        text_proj_in_factor=TEXT_LAYERS + 1,
        video_connector_num_attention_heads=4,
        video_connector_attention_head_dim=TEXT_WIDTH // 4,
        video_connector_num_layers=2,
        video_connector_num_learnable_registers=MAX_TEXT,
        audio_connector_num_attention_heads=4,
        audio_connector_attention_head_dim=TEXT_WIDTH // 4,
        audio_connector_num_layers=1,
        audio_connector_num_learnable_registers=MAX_TEXT,
        connector_rope_base_seq_len=64,
        rope_theta=100.0,
        rope_type="split",
    )


def build_transformer() -> LTX2VideoTransformer3DModel:
    """Make the untrained denoiser; gates and output start at zero: each block is the identity."""
    model = LTX2VideoTransformer3DModel(
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        num_attention_heads=8,
        attention_head_dim=32,
        cross_attention_dim=256,
        vae_scale_factors=(TEMPORAL_RATIO, SPATIAL_RATIO, SPATIAL_RATIO),
        pos_embed_max_pos=4,
        base_height=192,
        base_width=192,
        audio_in_channels=AUDIO_FEATURES,
        audio_out_channels=AUDIO_FEATURES,
        audio_num_attention_heads=8,
        audio_attention_head_dim=16,
        audio_cross_attention_dim=128,
        audio_pos_embed_max_pos=4,
        num_layers=6,
        caption_channels=TEXT_WIDTH,
        rope_theta=100.0,
        rope_type="split",
    )
    for name, module in model.named_modules():
        if name in ("proj_out", "audio_proj_out") or name.endswith(
            ("time_embed.linear", "_gate.linear")
        ):
            torch.nn.init.zeros_(module.weight)
            torch.nn.init.zeros_(module.bias)
        if name.endswith("scale_shift.linear"):
            torch.nn.init.zeros_(module.weight)
            torch.nn.init.zeros_(module.bias)
    return model


def build_scheduler() -> FlowMatchEulerDiscreteScheduler:
    """Make the noise schedule: flow matching, shifted to high noise, where colours are decided."""
    return FlowMatchEulerDiscreteScheduler(shift=3.0)
