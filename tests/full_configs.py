"""What the small JSON files of the full-size models say, as far as prices depend on it."""

from typing import Any

WAN: dict[str, Any] = {
    "transformer": {
        "_class_name": "WanTransformer3DModel",
        "patch_size": [1, 2, 2],
        "num_attention_heads": 40,
        "attention_head_dim": 128,
        "in_channels": 16,
        "out_channels": 16,
        "text_dim": 4096,
        "freq_dim": 256,
        "ffn_dim": 13824,
        "num_layers": 40,
    },
    "vae": {
        "base_dim": 96,
        "z_dim": 16,
        "dim_mult": [1, 2, 4, 4],
        "num_res_blocks": 2,
        "temperal_downsample": [False, True, True],
        "out_channels": 3,
    },
    "text_encoder": {
        "d_model": 4096,
        "d_kv": 64,
        "d_ff": 10240,
        "num_layers": 24,
        "num_heads": 64,
        "vocab_size": 256384,
        "feed_forward_proj": "gated-gelu",
    },
}
LTX2: dict[str, Any] = {
    "transformer": {
        "_class_name": "LTX2VideoTransformer3DModel",
        "in_channels": 128,
        "out_channels": 128,
        "num_attention_heads": 32,
        "attention_head_dim": 128,
        "cross_attention_dim": 4096,
        "audio_in_channels": 128,
        "audio_out_channels": 128,
        "audio_num_attention_heads": 32,
        "audio_attention_head_dim": 64,
        "audio_cross_attention_dim": 2048,
        "num_layers": 48,
        "caption_channels": 3840,
    },
    "vae": {
        "latent_channels": 128,
        "decoder_block_out_channels": [256, 512, 1024],
        "decoder_layers_per_block": [5, 5, 5, 5],
        "decoder_spatio_temporal_scaling": [True, True, True],
        "upsample_type": ["spatiotemporal"] * 3,
        "upsample_factor": [2, 2, 2],
        "patch_size": 4,
    },
    "audio_vae": {
        "sample_rate": 16000,
        "mel_hop_length": 160,
        "mel_bins": 64,
        "base_channels": 128,
        "ch_mult": [1, 2, 4],
        "num_res_blocks": 2,
        "latent_channels": 8,
        "output_channels": 2,
    },
    "vocoder": {},
    "text_encoder": {"text_config": {"hidden_size": 3840, "num_hidden_layers": 48}},
}
HUNYUAN: dict[str, Any] = {
    "transformer": {
        "_class_name": "HunyuanVideo15Transformer3DModel",
        "in_channels": 65,
        "out_channels": 32,
        "num_attention_heads": 16,
        "attention_head_dim": 128,
        "num_layers": 54,
        "num_refiner_layers": 2,
        "mlp_ratio": 4.0,
        "patch_size": 1,
        "patch_size_t": 1,
        "text_embed_dim": 3584,
        "text_embed_2_dim": 1472,
        "image_embed_dim": 1152,
    },
    "vae": {
        "out_channels": 3,
        "latent_channels": 32,
        "block_out_channels": [128, 256, 512, 1024, 1024],
        "layers_per_block": 2,
        "spatial_compression_ratio": 16,
        "temporal_compression_ratio": 4,
        "upsample_match_channel": True,
    },
    "text_encoder": {
        "hidden_size": 3584,
        "intermediate_size": 18944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "vocab_size": 152064,
    },
    "text_encoder_2": {
        "d_model": 1472,
        "d_ff": 3584,
        "d_kv": 64,
        "num_layers": 12,
        "num_heads": 6,
        "vocab_size": 1510,
    },
}
CLIP: dict[str, Any] = {
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_hidden_layers": 32,
    "num_attention_heads": 16,
}
"""The image encoder of Wan 2.1 image-to-video."""
SIGLIP: dict[str, Any] = {
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 27,
    "num_attention_heads": 16,
}
"""The image encoder of HunyuanVideo 1.5."""
