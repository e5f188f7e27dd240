"""Wan's shape (2.1 and 2.2 A14B): one video stream that attends to itself and to the text."""

import math
from collections.abc import Mapping
from typing import Any

from pipelines.shapes.shape import Attention, ConvLevel, DecoderShape, Stream, TransformerShape

Config = Mapping[str, Any]
PICTURE_TOKENS = 257
"""What CLIP makes of a first frame (Wan 2.1 image-to-video)."""


def transformer(config: Config, *, experts: int) -> TransformerShape:
    """From the `config.json` of a `WanTransformer3DModel`."""
    layers = config["num_layers"]
    width = config["num_attention_heads"] * config["attention_head_dim"]
    ffn = config["ffn_dim"]
    patch = math.prod(config["patch_size"])
    channels = config["in_channels"] + (config["out_channels"] or config["in_channels"])
    image, added = config.get("image_dim"), config.get("added_kv_proj_dim")
    attends = [
        Attention(queries="video", keys="video", width=layers * width),
        Attention(queries="video", keys="text", width=layers * width),
    ]
    macs: dict[Stream, int] = {
        "video": layers * (6 * width**2 + 2 * width * ffn) + channels * patch * width,
        "text": layers * 2 * width**2 + config["text_dim"] * width + width**2,
    }
    if image and added:
        macs["picture"] = layers * 2 * added * width + image**2 + image * width
        attends.append(Attention(queries="video", keys="picture", width=layers * width))
    return TransformerShape(
        macs=macs,
        fixed_macs=config["freq_dim"] * width + 7 * width**2,
        attentions=tuple(attends),
        live_values=6 * width + 2 * ffn,
        experts=experts,
    )


def decoder(vae: Config) -> DecoderShape:
    """From the `config.json` of an `AutoencoderKLWan`, other than the residual one of the 5B."""
    mult, resnets = vae["dim_mult"], vae["num_res_blocks"] + 1
    base = vae.get("decoder_base_dim") or vae["base_dim"]
    unfolds = [*reversed(vae["temperal_downsample"]), False]
    space, time = 2 ** (len(mult) - 1), 2 ** sum(unfolds)
    width = base * mult[-1]
    macs = vae["z_dim"] ** 2 + 27 * vae["z_dim"] * width + (4 * 27 + 4) * width**2
    levels = []
    for depth, factor in enumerate(reversed(mult)):
        entry, width = width, base * factor
        macs += 27 * (entry * width + width**2) + (resnets - 1) * 54 * width**2
        if entry != width:
            macs += entry * width
        if depth == len(mult) - 1:
            break
        if unfolds[depth]:
            macs += 3 * width * 2 * width
        levels.append(ConvLevel(macs=macs, space=space, time=time, channels=2 * width))
        space, time = space // 2, time // (2 if unfolds[depth] else 1)
        macs, width = 9 * width * (width // 2), width // 2
    macs += 27 * width * vae["out_channels"]
    levels.append(ConvLevel(macs=macs, space=space, time=time, channels=width))
    return DecoderShape(levels=tuple(levels), whole_clip=False)
