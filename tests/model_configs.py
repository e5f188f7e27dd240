"""Constructor arguments of every family's components: tiny ones, and the full-size defaults."""

from typing import Any

import diffusers
from diffusers.pipelines.ltx2.connectors import LTX2TextConnectors
from diffusers.pipelines.ltx2.vocoder import LTX2Vocoder

SMALL_LTX2 = {
    "transformer": {
        "in_channels": 16,
        "out_channels": 16,
        "num_attention_heads": 4,
        "attention_head_dim": 32,
        "cross_attention_dim": 128,
        "audio_in_channels": 32,
        "audio_out_channels": 32,
        "audio_num_attention_heads": 4,
        "audio_attention_head_dim": 16,
        "audio_cross_attention_dim": 64,
        "num_layers": 3,
        "caption_channels": 96,
    },
    "vae": {
        "latent_channels": 16,
        "block_out_channels": (32, 64),
        "down_block_types": ("LTX2VideoDownBlock3D",) * 2,
        "spatio_temporal_scaling": (True, True),
        "layers_per_block": (1, 1, 1),
        "downsample_type": ("spatiotemporal", "temporal"),
        "decoder_block_out_channels": (32, 64),
        "decoder_layers_per_block": (1, 1, 2),
        "decoder_spatio_temporal_scaling": (True, True),
        "upsample_type": ("temporal", "spatiotemporal"),
        "upsample_residual": (True, True),
        "upsample_factor": (1, 1),
        "patch_size": 8,
        "spatial_compression_ratio": 16,
        "temporal_compression_ratio": 4,
    },
    "audio_vae": {"base_channels": 32, "ch_mult": (1, 2, 2), "latent_channels": 2},
    "vocoder": {
        "hidden_channels": 64,
        "upsample_factors": [5, 4, 4, 2],
        "upsample_kernel_sizes": [11, 8, 8, 4],
        "resnet_kernel_sizes": [3],
        "resnet_dilations": [[1, 3, 5]],
    },
    "connectors": {
        "caption_channels": 96,
        "text_proj_in_factor": 3,
        "video_connector_num_attention_heads": 4,
        "video_connector_attention_head_dim": 24,
        "video_connector_num_layers": 1,
        "video_connector_num_learnable_registers": 32,
        "audio_connector_num_attention_heads": 4,
        "audio_connector_attention_head_dim": 24,
        "audio_connector_num_layers": 1,
        "audio_connector_num_learnable_registers": 32,
    },
}
FULL_LTX2 = {
    "transformer": {},
    "vae": {"spatial_compression_ratio": 32, "temporal_compression_ratio": 8},
    "audio_vae": {},
    "vocoder": {},
    "connectors": {},
}
LTX2_CLASSES = {
    "transformer": diffusers.LTX2VideoTransformer3DModel,
    "vae": diffusers.AutoencoderKLLTX2Video,
    "audio_vae": diffusers.AutoencoderKLLTX2Audio,
    "vocoder": LTX2Vocoder,
    "connectors": LTX2TextConnectors,
}
SMALL_WAN = {
    "transformer": {
        "num_attention_heads": 4,
        "attention_head_dim": 24,
        "text_dim": 64,
        "freq_dim": 64,
        "ffn_dim": 256,
        "num_layers": 3,
    },
    "vae": {"base_dim": 16, "z_dim": 16},
}
FULL_WAN: dict[str, dict[str, Any]] = {"transformer": {}, "vae": {}}
WAN_PICTURE = {"image_dim": 80, "added_kv_proj_dim": 96, "in_channels": 36}
WAN_CLASSES = {
    "transformer": diffusers.WanTransformer3DModel,
    "vae": diffusers.AutoencoderKLWan,
}
SMALL_HUNYUAN = {
    "transformer": {
        "in_channels": 33,
        "out_channels": 16,
        "num_attention_heads": 4,
        "attention_head_dim": 16,
        "num_layers": 3,
        "num_refiner_layers": 2,
        "mlp_ratio": 3.0,
        "text_embed_dim": 48,
        "text_embed_2_dim": 40,
        "image_embed_dim": 24,
        "rope_axes_dim": (4, 6, 6),
    },
    "vae": {
        "latent_channels": 16,
        "block_out_channels": (16, 32, 64),
        "layers_per_block": 1,
        "spatial_compression_ratio": 4,
        "temporal_compression_ratio": 2,
    },
}
FULL_HUNYUAN: dict[str, dict[str, Any]] = {"transformer": {}, "vae": {}}
HUNYUAN_CLASSES = {
    "transformer": diffusers.HunyuanVideo15Transformer3DModel,
    "vae": diffusers.AutoencoderKLHunyuanVideo15,
}
