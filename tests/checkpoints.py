"""Tiny random checkpoints of every kind of model, written in the real diffusers format."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from diffusers import (
    AutoencoderKLLTX2Audio,
    AutoencoderKLLTX2Video,
    AutoencoderKLWan,
    FlowMatchEulerDiscreteScheduler,
    LTX2Pipeline,
    LTX2VideoTransformer3DModel,
    UniPCMultistepScheduler,
    WanImageToVideoPipeline,
    WanPipeline,
    WanTransformer3DModel,
)
from diffusers.pipelines.ltx2 import LTX2TextConnectors, LTX2Vocoder
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    CLIPVisionModel,
    Gemma3TextConfig,
    Gemma3TextModel,
    PreTrainedTokenizerFast,
    UMT5Config,
    UMT5EncoderModel,
)

LIMITS = {"default_frames": 5, "max_frames": 9, "default_steps": 4, "max_pixels": 96 * 96}
LTX2_STATED = {
    "limits": {**LIMITS, "sizes": [[64, 32], [32, 64]], "default_fps": 8},
    "max_sequence_length": 16,
    "guiders": {
        "guider": {"stg_scale": 1.0, "spatio_temporal_guidance_blocks": [1]},
        "audio_guider": {"guidance_scale": 7.0, "modality_scale": 3.0, "guidance_rescale": 0.7},
    },
}
WAN_STATED = {
    "limits": {**LIMITS, "sizes": [[48, 32], [32, 48]]},
    "max_sequence_length": 16,
}


def build_ltx2(folder: Path) -> None:
    """Video and sound, with or without a first frame."""
    width = 32
    pipeline = LTX2Pipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=AutoencoderKLLTX2Video(
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
        ),
        audio_vae=AutoencoderKLLTX2Audio(
            base_channels=8,
            latent_channels=2,
            num_res_blocks=1,
            ch_mult=(1, 2, 2),
            mel_bins=16,
        ),
        text_encoder=Gemma3TextModel(
            Gemma3TextConfig(
                vocab_size=64,
                hidden_size=width,
                intermediate_size=width,
                num_hidden_layers=1,
                num_attention_heads=2,
                num_key_value_heads=2,
                head_dim=16,
            )
        ),
        tokenizer=_tokenizer(),
        connectors=LTX2TextConnectors(
            caption_channels=width,
            text_proj_in_factor=2,
            video_connector_num_attention_heads=2,
            video_connector_attention_head_dim=16,
            video_connector_num_layers=1,
            video_connector_num_learnable_registers=8,
            audio_connector_num_attention_heads=2,
            audio_connector_attention_head_dim=16,
            audio_connector_num_layers=1,
            audio_connector_num_learnable_registers=8,
        ),
        transformer=LTX2VideoTransformer3DModel(
            in_channels=8,
            out_channels=8,
            num_attention_heads=2,
            attention_head_dim=16,
            cross_attention_dim=width,
            vae_scale_factors=(4, 16, 16),
            audio_in_channels=8,
            audio_out_channels=8,
            audio_num_attention_heads=2,
            audio_attention_head_dim=8,
            audio_cross_attention_dim=16,
            num_layers=2,
            caption_channels=width,
            perturbed_attn=True,
        ),
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
    _save(pipeline, folder, LTX2_STATED)


def build_wan21_t2v(folder: Path) -> None:
    """One transformer, from text."""
    _save(WanPipeline(transformer=_wan_transformer(16), **_wan_parts()), folder, WAN_STATED)


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
    _save(pipeline, folder, {"limits": WAN_STATED["limits"]})


def build_wan22_t2v(folder: Path) -> None:
    """A transformer for high and one for low noise, from text."""
    pipeline = WanPipeline(
        transformer=_wan_transformer(16),
        transformer_2=_wan_transformer(16),
        boundary_ratio=0.875,
        **_wan_parts(),
    )
    _save(pipeline, folder, WAN_STATED)


def build_wan22_i2v(folder: Path) -> None:
    """A transformer for high and one for low noise, from text and a first frame."""
    pipeline = WanImageToVideoPipeline(
        transformer=_wan_transformer(36),
        transformer_2=_wan_transformer(36),
        boundary_ratio=0.9,
        **_wan_parts(),
    )
    _save(pipeline, folder, WAN_STATED)


def build_wan22_5b(folder: Path) -> None:
    """The kind that is refused: its class is that of the others, its latents are not."""
    pipeline = WanPipeline(transformer=_wan_transformer(16), expand_timesteps=True, **_wan_parts())
    _save(pipeline, folder, WAN_STATED)


BUILDERS: Mapping[str, Callable[[Path], None]] = MappingProxyType(
    {
        "ltx2": build_ltx2,
        "wan-2.1-t2v": build_wan21_t2v,
        "wan-2.1-i2v": build_wan21_i2v,
        "wan-2.2-t2v": build_wan22_t2v,
        "wan-2.2-i2v": build_wan22_i2v,
        "wan-2.2-5b": build_wan22_5b,
    }
)


def build_checkpoint(kind: str, folder: Path) -> Path:
    """Write the tiny checkpoint of `kind`, always with the same weights; returns `folder`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        BUILDERS[kind](folder)
    return folder


def _save(pipeline: Any, folder: Path, stated: Mapping[str, Any]) -> None:
    pipeline.save_pretrained(folder)
    (folder / "filmgate.json").write_text(json.dumps(stated))


def _wan_parts() -> dict[str, Any]:
    return {
        "tokenizer": _tokenizer(),
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
    return WanTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=in_channels,
        out_channels=16,
        text_dim=16,
        freq_dim=16,
        ffn_dim=16,
        num_layers=2,
        **more,
    )


def _tokenizer() -> PreTrainedTokenizerFast:
    """A word-level tokenizer; its start token keeps an empty prompt from being no token at all."""
    words = "<pad> <bos> <eos> <unk> a red blue green ball square cat moves bounces on white"
    vocabulary = {word: i for i, word in enumerate(words.split())}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A", special_tokens=[("<bos>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<eos>",
        unk_token="<unk>",
    )
