"""From a checkpoint's configs to the shape of its model."""

from collections.abc import Mapping
from typing import Any

from pipelines.shapes import hunyuan, ltx2, wan
from pipelines.shapes.picture import picture_parameters
from pipelines.shapes.shape import (
    Attention,
    ConvLevel,
    DecoderShape,
    ModelShape,
    TransformerShape,
)
from pipelines.shapes.text import text_shape

Config = Mapping[str, Any]
Configs = Mapping[str, Config]
"""The JSON of a checkpoint's components by folder name."""


class ShapeError(ValueError):
    """A config lacks, or contradicts, what its model's cost depends on; the message says where."""


def shape_from_configs(
    configs: Configs, *, text_tokens: int, guiders: Mapping[str, Config] | None = None
) -> ModelShape:
    """The shape of a model, from the configs of its transformer, VAEs and text encoder.

    `text_tokens` is the padded length of a prompt; `guiders` are the options that the denoiser's
    guiders run with. LTX-2, Wan and HunyuanVideo 1.5 are counted exactly. Another transformer with
    the usual keys gets a rough shape with `exact=False`: `Calibration` must do the rest. Raises
    `ShapeError`.
    """
    try:
        kind = configs["transformer"].get("_class_name")
        if kind == "LTX2VideoTransformer3DModel":
            return _ltx2(configs, text_tokens, guiders or {})
        if kind == "WanTransformer3DModel" and not configs["vae"].get("is_residual"):
            return _wan(configs, text_tokens)
        if kind == "HunyuanVideo15Transformer3DModel":
            return _hunyuan(configs, text_tokens)
        return _unknown(configs, text_tokens)
    except KeyError as error:
        raise ShapeError(f"the checkpoint's configs have no {error}") from error
    except (TypeError, ValueError) as error:
        raise ShapeError(f"the checkpoint's configs contradict each other: {error}") from error


def _ltx2(configs: Configs, text_tokens: int, guiders: Mapping[str, Config]) -> ModelShape:
    decoder = ltx2.decoder(configs["vae"], configs["audio_vae"], configs["vocoder"])
    transformer = configs["transformer"]
    extra = _any(guiders, "stg_scale", 0.0) + _any(guiders, "modality_scale", 1.0)
    return ModelShape(
        transformer=ltx2.transformer(transformer),
        text=text_shape(configs["text_encoder"], configs.get("connectors")),
        decoder=decoder,
        token_side=decoder.levels[0].space * transformer.get("patch_size", 1),
        token_frames=decoder.levels[0].time * transformer.get("patch_size_t", 1),
        text_tokens=text_tokens,
        audio_tokens_per_s=ltx2.audio_tokens_per_s(configs["audio_vae"]),
        guided_passes=2 + extra,
        plain_passes=1 + _any(guiders, "guidance_scale", 1.0) + extra,
    )


def _any(guiders: Mapping[str, Config], option: str, off: float) -> int:
    """1 if a guider states a value of its own that switches this pass on, for all guiders."""
    return int(any(options.get(option, off) != off for options in guiders.values()))


def _wan(configs: Configs, text_tokens: int) -> ModelShape:
    decoder = wan.decoder(configs["vae"])
    transformer = configs["transformer"]
    time, height, _ = transformer["patch_size"]
    experts = 2 if configs.get("transformer_2") else 1
    return ModelShape(
        transformer=wan.transformer(transformer, experts=experts),
        text=text_shape(configs["text_encoder"], None),
        decoder=decoder,
        token_side=decoder.levels[0].space * height,
        token_frames=decoder.levels[0].time * time,
        text_tokens=text_tokens,
        picture_tokens=wan.PICTURE_TOKENS if transformer.get("image_dim") else 0,
        picture_parameters=picture_parameters(configs.get("image_encoder")),
        picture_frames="all",
    )


def _hunyuan(configs: Configs, text_tokens: int) -> ModelShape:
    decoder = hunyuan.decoder(configs["vae"])
    transformer = configs["transformer"]
    return ModelShape(
        transformer=hunyuan.transformer(transformer),
        text=hunyuan.text(configs["text_encoder"], configs.get("text_encoder_2")),
        decoder=decoder,
        token_side=decoder.levels[0].space * transformer["patch_size"],
        token_frames=decoder.levels[0].time * transformer["patch_size_t"],
        text_tokens=text_tokens,
        encoder_tokens=hunyuan.ENCODER_TOKENS,
        glyph_tokens=hunyuan.GLYPH_TOKENS + hunyuan.PICTURE_TOKENS,
        picture_tokens=hunyuan.PICTURE_TOKENS,
        picture_parameters=picture_parameters(configs.get("image_encoder")),
    )


def _unknown(configs: Configs, text_tokens: int) -> ModelShape:
    """Any transformer: 16 squares a layer (self- and cross-attention, 4x feed-forward).

    The VAE is taken to shrink 8 times in space and 4 in time, tokens to be 2x2 latents, and
    decoding to cost what Wan's does: 0.9 million macs a pixel in a decoder of 70 million weights.
    """
    config = configs["transformer"]
    layers = config["num_layers"]
    width = config["num_attention_heads"] * config["attention_head_dim"]
    return ModelShape(
        transformer=TransformerShape(
            macs={"video": layers * 14 * width**2, "text": layers * 2 * width**2},
            fixed_macs=0,
            attentions=(
                Attention(queries="video", keys="video", width=layers * width),
                Attention(queries="video", keys="text", width=layers * width),
            ),
            live_values=14 * width,
        ),
        text=text_shape(configs.get("text_encoder", {}), None),
        decoder=DecoderShape(
            levels=(
                ConvLevel(macs=70_000_000, space=16, time=4, channels=768),
                ConvLevel(macs=800_000, space=1, time=1, channels=96),
            ),
            whole_clip=False,
        ),
        token_side=16,
        token_frames=4,
        text_tokens=text_tokens,
        exact=False,
    )
