"""HunyuanVideo 1.5's shape: a video stream and a stream of text, glyphs and picture, as one."""

import math
from collections.abc import Mapping
from typing import Any

from pipelines.shapes.shape import (
    Attention,
    ConvLevel,
    DecoderShape,
    Stream,
    TextShape,
    TransformerShape,
)
from pipelines.shapes.text import text_shape

Config = Mapping[str, Any]
ENCODER_TOKENS = 1108
"""What the language model reads for a prompt: the system message (108), then 1,000 tokens."""
GLYPH_TOKENS, PICTURE_TOKENS = 256, 729
"""Both are always there, as padding where a prompt has no text in quotes or the clip no picture.
Padding goes through all linear layers, and through no attention."""
GLYPH_WIDTH = 2048
TIMESTEP_CHANNELS = 256
REFINER_RATIO = 4
# transformers leaves out of a config what equals the class's default.
QWEN_DEFAULTS = {
    "hidden_size": 8192,
    "intermediate_size": 29568,
    "num_hidden_layers": 80,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "vocab_size": 152_064,
}


def transformer(config: Config) -> TransformerShape:
    """From the `config.json` of a `HunyuanVideo15Transformer3DModel`."""
    layers = config["num_layers"]
    width = config["num_attention_heads"] * config["attention_head_dim"]
    ratio = config["mlp_ratio"]
    patch = config["patch_size"] ** 2 * config["patch_size_t"]
    # Per layer and stream: queries, keys, values and output, then the feed-forward.
    stream = round(layers * (4 + 2 * ratio) * width**2)
    refiner = config["num_refiner_layers"] * (4 + 2 * REFINER_RATIO) * width**2
    channels = config["in_channels"] + (config["out_channels"] or config["in_channels"])
    embedding, embedding_weights = _embeddings(config, width)
    macs: dict[Stream, int] = {
        "video": stream + channels * patch * width,
        "text": stream + refiner + config["text_embed_dim"] * width,
        "glyphs": stream + embedding,
    }
    joint: tuple[Stream, ...] = ("video", "text", "picture")
    return TransformerShape(
        macs=macs,
        fixed_macs=layers * 12 * width**2 + _timestep(config, width),
        # The text's stream counts twice, and two embeddings as one.
        shared_macs=stream + embedding - embedding_weights,
        attentions=(
            *(Attention(queries=q, keys=k, width=layers * width) for q in joint for k in joint),
            Attention(queries="text", keys="text", width=config["num_refiner_layers"] * width),
        ),
        live_values=round((4.5 + 2 * ratio) * width),
    )


def _embeddings(config: Config, width: int) -> tuple[int, int]:
    """Macs of a token between a glyph's and a picture's, as many as there are of each; weights."""
    glyph = config["text_embed_2_dim"] * GLYPH_WIDTH + GLYPH_WIDTH**2 + GLYPH_WIDTH * width
    picture = config["image_embed_dim"] * (config["image_embed_dim"] + width)
    total = GLYPH_TOKENS * glyph + PICTURE_TOKENS * picture
    return total // (GLYPH_TOKENS + PICTURE_TOKENS), glyph + picture


def _timestep(config: Config, width: int) -> int:
    """Its embedding (two with MeanFlow), the refiner's of timestep and text, the last norm."""
    embedding = TIMESTEP_CHANNELS * width + width**2
    refined = embedding + config["text_embed_dim"] * width + width**2
    refined += config["num_refiner_layers"] * 2 * width**2
    return int(embedding * (2 if config.get("use_meanflow") else 1) + refined + 2 * width**2)


def text(encoder: Config, glyphs: Config | None) -> TextShape:
    """From the configs of the Qwen language model and of ByT5, which weighs a little."""
    known = {**QWEN_DEFAULTS, **encoder.get("text_config", encoder)}
    known["head_dim"] = known["hidden_size"] // known["num_attention_heads"]
    shape = text_shape(known, None)
    extra = text_shape(glyphs, None).parameters if glyphs else 0
    return TextShape(
        macs=shape.macs,
        attention_width=shape.attention_width,
        parameters=shape.parameters + extra,
    )


def decoder(vae: Config) -> DecoderShape:
    """From the `config.json` of an `AutoencoderKLHunyuanVideo15`."""
    blocks = tuple(reversed(vae["block_out_channels"]))
    resnets = vae["layers_per_block"] + 1
    space, time = vae["spatial_compression_ratio"], vae["temporal_compression_ratio"]
    halvings, slowdowns = int(math.log2(space)), int(math.log2(time))
    width = blocks[0]
    macs = 27 * vae["latent_channels"] * width + (2 * 54 + 4) * width**2
    levels = []
    for depth, block in enumerate(blocks):
        macs += 27 * (width * block + block**2) + (resnets - 1) * 54 * block**2
        macs += width * block if width != block else 0
        if depth >= halvings:
            width = block
            continue
        unfold = 8 if depth < slowdowns else 4
        width = blocks[depth + 1] if vae["upsample_match_channel"] else block
        macs += 27 * block * width * unfold
        channels = max(block, width * unfold)
        levels.append(ConvLevel(macs=macs, space=space, time=time, channels=channels))
        space, time, macs = space // 2, time // (2 if depth < slowdowns else 1), 0
    macs += 27 * width * vae["out_channels"]
    levels.append(ConvLevel(macs=macs, space=space, time=time, channels=width))
    return DecoderShape(
        levels=tuple(levels), whole_clip=True, live_tensors=7.0, attention_width=blocks[0]
    )
