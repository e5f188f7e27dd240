"""Sizes of every component of the embedded model, each one diffusers' or transformers' own class."""

from typing import Any, Final

from diffusers import AutoencoderKLLTX2Video

SPATIAL_RATIO: Final = 24
TEMPORAL_RATIO: Final = 4
LATENT_CHANNELS: Final = 64


def video_vae_config() -> dict[str, Any]:
    """Video VAE: 6x6 patches, then two halvings of time, height and width: 24x24 pixels x 4 frames a token."""
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
