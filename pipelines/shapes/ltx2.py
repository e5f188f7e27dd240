"""LTX-2's shape: a video and an audio stream that attend to each other and to the text."""

import math
from collections.abc import Mapping
from typing import Any

from pipelines.shapes.shape import Attention, ConvLevel, DecoderShape, Stream, TransformerShape

Config = Mapping[str, Any]
STRIDES = {"spatial": (1, 2), "temporal": (2, 1), "spatiotemporal": (2, 2)}
"""How an upsampling layer unfolds (time, each side of a frame)."""
TIMESTEP_CHANNELS = 256


def transformer(config: Config) -> TransformerShape:
    """From the `config.json` of an `LTX2VideoTransformer3DModel`."""
    layers = config["num_layers"]
    video = config["num_attention_heads"] * config["attention_head_dim"]
    audio = config["audio_num_attention_heads"] * config["audio_attention_head_dim"]
    # Per layer. Video: self-attention 4, text queries 2, feed-forward 8 squares; a query and an
    # output towards audio, a key and a value for it. Audio alike, and all of these are its width.
    macs: dict[Stream, int] = {
        "video": layers * (14 * video**2 + 4 * video * audio)
        + video * (config["in_channels"] + (config["out_channels"] or config["in_channels"])),
        "audio": layers * 18 * audio**2
        + audio * (config["audio_in_channels"] + config["audio_out_channels"]),
        "text": layers
        * 2
        * (config["cross_attention_dim"] * video + config["audio_cross_attention_dim"] * audio)
        + _caption_projection(config, video)
        + _caption_projection(config, audio),
    }
    return TransformerShape(
        macs=macs,
        fixed_macs=_timestep(video, config.get("cross_attn_mod", False))
        + _timestep(audio, config.get("audio_cross_attn_mod", False)),
        picture_macs=_time_embedding(video, config.get("cross_attn_mod", False)),
        attentions=(
            Attention(queries="video", keys="video", width=layers * video),
            Attention(queries="video", keys="text", width=layers * video),
            Attention(queries="audio", keys="audio", width=layers * audio),
            Attention(queries="audio", keys="text", width=layers * audio),
            Attention(queries="video", keys="audio", width=layers * audio),
            Attention(queries="audio", keys="video", width=layers * audio),
        ),
        live_values=22 * video,
        picture_live_values=13 * video,
    )


def _caption_projection(config: Config, width: int) -> int:
    if not config.get("use_prompt_embeddings", True):
        return 0
    return int(config["caption_channels"] * width + width**2)


def _time_embedding(width: int, modulated: bool) -> int:
    """An embedding (256 -> width -> width) and 6 modulations of it, 9 in LTX-2.3."""
    return TIMESTEP_CHANNELS * width + (10 if modulated else 7) * width**2


def _timestep(width: int, modulated: bool) -> int:
    """All of it: towards the other stream 4 and 1 modulations more, in LTX-2.3 also 2 for text."""
    others = (4, 1, 2) if modulated else (4, 1)
    return _time_embedding(width, modulated) + sum(
        TIMESTEP_CHANNELS * width + (1 + modulations) * width**2 for modulations in others
    )


def decoder(vae: Config, audio_vae: Config, vocoder: Config) -> DecoderShape:
    """From the configs of `AutoencoderKLLTX2Video`, its audio VAE and its vocoder."""
    return DecoderShape(
        levels=_levels(vae),
        whole_clip=True,
        live_tensors=5.0,
        tile_side=512,
        sound_macs_per_s=_mel_decoder(audio_vae) + _vocoder(vocoder, audio_vae),
    )


def _levels(vae: Config) -> tuple[ConvLevel, ...]:
    """The decoder's resolutions, from latents to pixels. `upsample_type` alone is not reversed."""
    blocks = tuple(reversed(vae["decoder_block_out_channels"]))
    resnets = tuple(reversed(vae["decoder_layers_per_block"]))
    factors = tuple(reversed(vae["upsample_factor"]))
    strides = _strides(vae, len(blocks))
    patch = vae["patch_size"]
    space, time = patch * math.prod(s for _, s in strides), math.prod(t for t, _ in strides)
    width = blocks[0]
    macs = 27 * vae["latent_channels"] * width + resnets[0] * 54 * width**2
    levels = []
    for block, factor, layers, (stride_t, stride_s) in zip(
        blocks, factors, resnets[1:], strides, strict=True
    ):
        narrow, wide = block // factor, width // factor
        if narrow != wide:
            macs += 27 * (wide * narrow + narrow**2) + wide * narrow
        unfold = stride_t * stride_s**2
        if unfold > 1:
            macs += 27 * narrow * factor * narrow * unfold
        levels.append(ConvLevel(macs=macs, space=space, time=time, channels=width))
        space, time, width = space // stride_s, time // stride_t, narrow
        macs = layers * 54 * width**2
    macs += 27 * width * 3 * patch**2
    return (*levels, ConvLevel(macs=macs, space=space, time=time, channels=width))


def _strides(vae: Config, blocks: int) -> tuple[tuple[int, int], ...]:
    scaling = vae["decoder_spatio_temporal_scaling"]
    scales = (scaling,) * blocks if isinstance(scaling, bool) else tuple(reversed(scaling))
    kinds = vae["upsample_type"]
    return tuple(
        STRIDES[kind] if scale else (1, 1) for kind, scale in zip(kinds, scales, strict=True)
    )


def audio_tokens_per_s(audio_vae: Config) -> float:
    """Latent frames a second: 16000 / 160 / 4 = 25."""
    return float(audio_vae["sample_rate"] / audio_vae["mel_hop_length"] / 4)


def _mel_decoder(config: Config) -> int:
    """3x3 convolutions over time and mel bins, per second; each level halves both axes."""
    sites: float = config["sample_rate"] / config["mel_hop_length"] * config["mel_bins"]
    mults = config["ch_mult"]
    entry = config["base_channels"] * mults[-1]
    total: float = (
        sites / 4 ** (len(mults) - 1) * 9 * (config["latent_channels"] + 4 * entry) * entry
    )
    for depth in reversed(range(len(mults))):
        width = config["base_channels"] * mults[depth]
        macs = 9 * width * (entry + width + 2 * config["num_res_blocks"] * width)
        macs += entry * width if entry != width else 0
        macs += 4 * 9 * width**2 if depth else 9 * width * config["output_channels"]
        total += sites / 4**depth * macs
        entry = width
    return round(total)


def _vocoder(config: Config, audio_vae: Config) -> int:
    """Transposed and dilated 1-d convolutions, per second of sound; 0 for another kind."""
    if "upsample_factors" not in config:
        return 0
    rate: float = audio_vae["sample_rate"] / audio_vae["mel_hop_length"]
    width: int = config["hidden_channels"]
    total: float = rate * 7 * config["in_channels"] * width
    residual = sum(
        2 * kernel * len(dilations)
        for kernel, dilations in zip(
            config["resnet_kernel_sizes"], config["resnet_dilations"], strict=True
        )
    )
    for factor, kernel in zip(
        config["upsample_factors"], config["upsample_kernel_sizes"], strict=True
    ):
        total += rate * kernel * width * (width // 2)
        rate, width = rate * factor, width // 2
        total += rate * residual * width**2
    total += rate * 7 * width * config["out_channels"]
    return round(total)
