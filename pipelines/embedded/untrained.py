"""A small LTX-2 checkpoint with random weights: coloured noise with sound, from a seed."""

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKLLTX2Audio,
    AutoencoderKLLTX2Video,
    FlowMatchEulerDiscreteScheduler,
    LTX2Pipeline,
    LTX2VideoTransformer3DModel,
)
from diffusers.pipelines.ltx2 import LTX2TextConnectors, LTX2Vocoder
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import Gemma3TextConfig, Gemma3TextModel, PreTrainedTokenizerFast

from pipelines.library_talk import silence_libraries

TEXT_LAYERS, TEXT_WIDTH = 2, 128
MAX_TOKENS = 128
SPECIAL_TOKENS = ("<pad>", "<bos>", "<eos>")
RATIO, FRAME_RATIO, LATENT_CHANNELS = 24, 4, 64
MEL_BINS, MEL_RATIO, SOUND_CHANNELS = 64, 4, 2
AUDIO_WIDTH = SOUND_CHANNELS * MEL_BINS // MEL_RATIO
SAMPLE_RATE, HOP = 16_000, 160

# What this model can do, where that differs from full-size LTX-2.
STATED: dict[str, Any] = {
    "limits": {
        "sizes": [[96, 96], [144, 96], [96, 144]],
        "max_pixels": 192 * 192,
        "default_frames": 17,
        "max_frames": 81,
        "default_fps": 8,
        "min_fps": 4,
        "max_fps": 24,
        "default_steps": 12,
        "default_guidance": 3.0,
        "max_prompt_chars": 500,
    },
    "max_sequence_length": MAX_TOKENS,
    "guiders": {"guider": {}, "audio_guider": {}},
}


def build(folder: Path, seed: int) -> None:
    """Write the checkpoint into `folder`, in diffusers format."""
    silence_libraries()
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        pipeline = LTX2Pipeline(
            scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
            vae=_video_vae(),
            audio_vae=_audio_vae(),
            text_encoder=_text_encoder(),
            tokenizer=_tokenizer(),
            connectors=_connectors(),
            transformer=_transformer(),
            vocoder=_vocoder(),
        )
    pipeline.save_pretrained(folder)
    (folder / "filmgate.json").write_text(json.dumps(STATED, indent=2) + "\n")


def _tokenizer() -> PreTrainedTokenizerFast:
    """Bytes of UTF-8 as tokens, so that every letter of every language counts."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate([*SPECIAL_TOKENS, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    # An empty (negative) prompt must not become zero tokens.
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A", special_tokens=[("<bos>", vocabulary["<bos>"])]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<eos>",
        padding_side="left",
        model_max_length=MAX_TOKENS,
    )


def _text_encoder() -> Gemma3TextModel:
    return Gemma3TextModel(
        Gemma3TextConfig(
            vocab_size=len(SPECIAL_TOKENS) + 256,
            hidden_size=TEXT_WIDTH,
            intermediate_size=2 * TEXT_WIDTH,
            num_hidden_layers=TEXT_LAYERS,
            num_attention_heads=4,
            num_key_value_heads=4,
            head_dim=TEXT_WIDTH // 4,
            max_position_embeddings=MAX_TOKENS,
            sliding_window=MAX_TOKENS,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
        )
    )


def _connectors() -> LTX2TextConnectors:
    return LTX2TextConnectors(
        caption_channels=TEXT_WIDTH,
        text_proj_in_factor=TEXT_LAYERS + 1,
        video_connector_num_attention_heads=4,
        video_connector_attention_head_dim=TEXT_WIDTH // 4,
        video_connector_num_layers=1,
        video_connector_num_learnable_registers=32,
        audio_connector_num_attention_heads=4,
        audio_connector_attention_head_dim=TEXT_WIDTH // 4,
        audio_connector_num_layers=1,
        audio_connector_num_learnable_registers=32,
        connector_rope_base_seq_len=MAX_TOKENS,
        rope_type="split",
    )


def _transformer() -> LTX2VideoTransformer3DModel:
    return LTX2VideoTransformer3DModel(
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        num_attention_heads=8,
        attention_head_dim=32,
        cross_attention_dim=256,
        vae_scale_factors=(FRAME_RATIO, RATIO, RATIO),
        pos_embed_max_pos=4,
        base_height=192,
        base_width=192,
        audio_in_channels=AUDIO_WIDTH,
        audio_out_channels=AUDIO_WIDTH,
        audio_num_attention_heads=8,
        audio_attention_head_dim=16,
        audio_cross_attention_dim=128,
        audio_pos_embed_max_pos=4,
        audio_sampling_rate=SAMPLE_RATE,
        audio_hop_length=HOP,
        num_layers=6,
        caption_channels=TEXT_WIDTH,
        rope_theta=100.0,
        rope_type="split",
    )


def _video_vae() -> AutoencoderKLLTX2Video:
    vae = AutoencoderKLLTX2Video(
        latent_channels=LATENT_CHANNELS,
        block_out_channels=(64, 128),
        down_block_types=("LTX2VideoDownBlock3D",) * 2,
        layers_per_block=(1, 1, 1),
        spatio_temporal_scaling=(True, True),
        downsample_type=("spatiotemporal", "spatiotemporal"),
        decoder_block_out_channels=(64, 128),
        decoder_layers_per_block=(1, 1, 1),
        decoder_spatio_temporal_scaling=(True, True),
        decoder_inject_noise=(False, False, False),
        upsample_type=("spatiotemporal", "spatiotemporal"),
        upsample_residual=(True, True),
        upsample_factor=(2, 2),
        patch_size=6,
        decoder_causal=False,
        decoder_spatial_padding_mode="replicate",
        spatial_compression_ratio=RATIO,
        temporal_compression_ratio=FRAME_RATIO,
    ).eval()
    # Random layers answer with next to nothing: louder, so that the noise has colours.
    frames = vae.decode(torch.randn(1, LATENT_CHANNELS, 2, 4, 4), return_dict=False)[0]
    _scale(vae.decoder.conv_out, 0.5 / frames.std().item())
    return vae


def _audio_vae() -> AutoencoderKLLTX2Audio:
    return AutoencoderKLLTX2Audio(
        base_channels=AUDIO_WIDTH,
        latent_channels=SOUND_CHANNELS,
        num_res_blocks=1,
        ch_mult=(1, 2, 2),
        sample_rate=SAMPLE_RATE,
        mel_hop_length=HOP,
        mel_bins=MEL_BINS,
    )


def _vocoder() -> LTX2Vocoder:
    vocoder = LTX2Vocoder(
        in_channels=SOUND_CHANNELS * MEL_BINS,
        hidden_channels=64,
        upsample_factors=[5, 4, 4, 2],
        upsample_kernel_sizes=[11, 8, 8, 4],
        resnet_kernel_sizes=[3],
        resnet_dilations=[[1, 3, 5]],
        output_sampling_rate=SAMPLE_RATE,
    ).eval()
    waveform = vocoder(torch.randn(1, SOUND_CHANNELS, 40, MEL_BINS))
    _scale(vocoder.conv_out, 0.2 / waveform.std().item())
    return vocoder


def _scale(layer: Any, factor: float) -> None:
    for parameter in layer.parameters():
        parameter.mul_(factor)
