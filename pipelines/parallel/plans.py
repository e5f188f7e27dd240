"""The plan of each transformer class that can be divided."""

import math
from collections.abc import Mapping
from types import MappingProxyType

from pipelines.parallel.plan import Config, ParallelPlan, SequencePlan

WAN = ParallelPlan(
    within=("blocks",),
    columns=("to_q", "to_k", "to_v", "add_k_proj", "add_v_proj", "net.0.proj"),
    rows=("to_out.0", "net.2"),
    norms=("norm_q", "norm_k", "norm_added_k"),
    widths=lambda config: {
        "attention heads": config.get("num_attention_heads", 40),
        "feed-forward width": config.get("ffn_dim", 13_824),
    },
    sequence=SequencePlan(
        inputs={"": {"timestep": 2}, "blocks.0": {"hidden_states": 3}},
        rotary=lambda config: {"rope": 1},
        gathered=("proj_out",),
        attentions=("attn1",),
        tokens=lambda config, shape: (
            math.prod(shape[2:]) // math.prod(config.get("patch_size", (1, 2, 2)))
        ),
        heads=lambda config: {"attention heads": config.get("num_attention_heads", 40)},
    ),
)


def _ltx2_heads(config: Config) -> dict[str, int]:
    """The feed-forward widths are 4 * heads * head size: they divide wherever the heads do."""
    return {
        "video attention heads": config.get("num_attention_heads", 32),
        "audio attention heads": config.get("audio_num_attention_heads", 32),
    }


def _ltx2_rotary(config: Config) -> dict[str, int]:
    """Split tables are [batch, heads, tokens, half a head], others [batch, tokens, all heads]."""
    tokens = 2 if config.get("rope_type", "interleaved") == "split" else 1
    return {"rope": tokens, "cross_attn_rope": tokens}


LTX2 = ParallelPlan(
    within=("transformer_blocks",),
    columns=("to_q", "to_k", "to_v", "to_gate_logits", "net.0.proj"),
    rows=("to_out.0", "net.2"),
    norms=("norm_q", "norm_k"),
    rotary=("rope", "audio_rope", "cross_attn_rope", "cross_attn_audio_rope"),
    widths=_ltx2_heads,
    # Not the library's own: that one leaves the rotary tables of the audio-video attention whole,
    # and does not fit the text's mask.
    sequence=SequencePlan(
        inputs={"": {"hidden_states": 3, "timestep": 2}},
        rotary=_ltx2_rotary,
        gathered=("proj_out",),
        settled=("audio_proj_out",),
        attentions=("attn1", "video_to_audio_attn"),
        tokens=lambda config, shape: shape[1],
        heads=_ltx2_heads,
    ),
)
HUNYUAN_VIDEO_15 = ParallelPlan(
    within=("transformer_blocks", "context_embedder.token_refiner.refiner_blocks"),
    columns=(
        *("to_q", "to_k", "to_v", "add_q_proj", "add_k_proj", "add_v_proj"),
        "net.0.proj",
    ),
    rows=("to_out.0", "to_add_out", "net.2"),
    # A third of all weights; the refiner's `norm1` is a plain norm.
    gathered=("norm1.linear", "norm1_context.linear"),
    widths=lambda config: {
        "attention heads": config.get("num_attention_heads", 16),
        "feed-forward width": int(
            config.get("num_attention_heads", 16)
            * config.get("attention_head_dim", 128)
            * config.get("mlp_ratio", 4.0)
        ),
    },
    sequence="its attention joins video and text under one mask, which cannot be divided by tokens",
)
PLANS: Mapping[str, ParallelPlan] = MappingProxyType(
    {
        "LTX2VideoTransformer3DModel": LTX2,
        "WanTransformer3DModel": WAN,
        "HunyuanVideo15Transformer3DModel": HUNYUAN_VIDEO_15,
    }
)
"""By the transformer's class in the library, as its `config.json` names it."""
