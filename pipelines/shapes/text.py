"""Text encoders: Gemma with LTX-2's connectors, and T5, by the keys of their configs."""

from collections.abc import Mapping
from typing import Any

from pipelines.shapes.shape import TextShape

Config = Mapping[str, Any]
# transformers leaves out of a config what equals the class's default.
GEMMA3_DEFAULTS = {
    "hidden_size": 2304,
    "intermediate_size": 9216,
    "num_hidden_layers": 26,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 256,
    "vocab_size": 262_208,
}
T5_DEFAULTS = {
    "d_model": 512,
    "d_kv": 64,
    "d_ff": 1024,
    "num_layers": 8,
    "num_heads": 6,
    "vocab_size": 250_112,
    "feed_forward_proj": "gated-gelu",
}


def text_shape(encoder: Config, connectors: Config | None) -> TextShape:
    """The shape of a text encoder and of what refines its output, if anything."""
    shape = _t5(encoder) if "d_model" in encoder else _decoder_only(encoder)
    if connectors is None:
        return shape
    macs, attention = _connectors(connectors)
    return TextShape(
        macs=shape.macs + macs,
        attention_width=shape.attention_width + attention,
        parameters=shape.parameters + macs,
    )


def _t5(config: Config) -> TextShape:
    known = {**T5_DEFAULTS, **config}
    inner = known["num_heads"] * known["d_kv"]
    matrices = 3 if str(known["feed_forward_proj"]).startswith("gated") else 2
    macs = known["num_layers"] * known["d_model"] * (4 * inner + matrices * known["d_ff"])
    return TextShape(
        macs=macs,
        attention_width=known["num_layers"] * inner,
        parameters=macs + known["vocab_size"] * known["d_model"],
    )


def _decoder_only(config: Config) -> TextShape:
    """Gemma and its like; a language model's head runs too, although nobody reads its output."""
    known = {**GEMMA3_DEFAULTS, **config.get("text_config", config)}
    width, layers = known["hidden_size"], known["num_hidden_layers"]
    inner = known["num_attention_heads"] * known["head_dim"]
    keys = known["num_key_value_heads"] * known["head_dim"]
    body = layers * width * (2 * inner + 2 * keys + 3 * known["intermediate_size"])
    vocabulary = known["vocab_size"] * width
    generates = any("ForC" in name for name in config.get("architectures") or ())
    return TextShape(
        macs=body + (vocabulary if generates else 0),
        attention_width=layers * inner,
        parameters=body + vocabulary,
    )


def _connectors(config: Config) -> tuple[int, int]:
    """Macs per token and attention width of LTX-2's connectors.

    A projection from all hidden layers of the text encoder at once, then one small transformer
    for each stream: 4 squares of attention and 8 of feed-forward a layer.
    """
    captions = config["caption_channels"]
    features = captions * config["text_proj_in_factor"]
    if config.get("per_modality_projections"):
        macs = features * (config["video_hidden_dim"] + config["audio_hidden_dim"])
    else:
        macs = features * captions
    attention = 0
    for stream in ("video", "audio"):
        heads = config[f"{stream}_connector_num_attention_heads"]
        width = heads * config[f"{stream}_connector_attention_head_dim"]
        layers = config[f"{stream}_connector_num_layers"]
        macs += layers * 12 * width**2
        attention += layers * width
    return macs, attention
