"""Plans against the library's classes: every layer they should name is there, and named once."""

from typing import Any

import diffusers
import pytest
import torch
from torch import nn

from pipelines.parallel.layers import AcrossHeadsNorm, ColumnLinear, RowLinear
from pipelines.parallel.plans import PLANS
from pipelines.parallel.tensor import divide_layers
from pipelines.parallel.way import Way

SMALL: dict[str, dict[str, Any]] = {
    "LTX2VideoTransformer3DModel": {
        "num_attention_heads": 4,
        "attention_head_dim": 8,
        "audio_num_attention_heads": 4,
        "audio_attention_head_dim": 4,
        "gated_attn": True,
        "audio_gated_attn": True,
    },
    "WanTransformer3DModel": {
        "num_attention_heads": 4,
        "attention_head_dim": 12,
        "ffn_dim": 64,
        "image_dim": 16,
        "added_kv_proj_dim": 48,
    },
    "HunyuanVideo15Transformer3DModel": {
        "num_attention_heads": 4,
        "attention_head_dim": 8,
        "rope_axes_dim": (2, 2, 4),
    },
}
ACROSS_HEADS = {"LTX2VideoTransformer3DModel", "WanTransformer3DModel"}


def built(kind: str) -> nn.Module:
    with torch.device("meta"):
        model: nn.Module = getattr(diffusers, kind)(num_layers=2, **SMALL[kind])
    return model


@pytest.fixture(params=sorted(PLANS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_linear_layer_of_a_block_is_divided(kind: str) -> None:
    model, plan = built(kind), PLANS[kind]
    divide_layers(model, plan, Way(size=2))
    whole = [
        path
        for path, module in model.named_modules()
        if isinstance(module, nn.Linear)
        and not isinstance(module, ColumnLinear | RowLinear)
        and path.startswith(tuple(f"{outer}." for outer in plan.within))
    ]
    # Of two refiner blocks, 0.2 % of the weights: not worth an exchange.
    assert all(path.endswith("norm_out.linear") for path in whole), whole


def test_every_name_of_a_plan_is_that_of_a_layer(kind: str) -> None:
    model, plan = built(kind), PLANS[kind]
    paths = [f".{path}" for path, _ in model.named_modules()]
    for ending in (*plan.columns, *plan.rows, *plan.gathered, *plan.norms, *plan.rotary):
        assert any(path.endswith(f".{ending}") for path in paths), ending
    if not isinstance(plan.sequence, str):
        sequence = plan.sequence
        for path in (*sequence.inputs, *sequence.gathered, *sequence.settled):
            model.get_submodule(path)
        for path in sequence.rotary(SMALL[kind]):
            model.get_submodule(path)


def test_norms_are_divided_exactly_where_they_reach_across_heads(kind: str) -> None:
    model = built(kind)
    divide_layers(model, PLANS[kind], Way(size=2))
    norms = [m for m in model.modules() if isinstance(m, AcrossHeadsNorm)]
    assert bool(norms) == (kind in ACROSS_HEADS)


def test_each_attention_has_its_part_of_the_heads(kind: str) -> None:
    model = built(kind)
    divide_layers(model, PLANS[kind], Way(size=2))
    heads = {m.heads for m in model.modules() if isinstance(getattr(m, "heads", None), int)}
    assert heads == {2}


@pytest.mark.parametrize("size", [2, 4])
def test_the_divided_weights_fall_with_the_number_of_ranks(kind: str, size: int) -> None:
    whole, part = built(kind), built(kind)
    divide_layers(part, PLANS[kind], Way(size=size))
    divided = sum(
        parameter.numel()
        for module in part.modules()
        for name, parameter in module.named_parameters(recurse=False)
        if name in getattr(module, "divided", {})
    )
    replicated = sum(p.numel() for p in part.parameters()) - divided
    assert divided * size + replicated == sum(p.numel() for p in whole.parameters())
