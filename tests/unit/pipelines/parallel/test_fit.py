"""What fits a gang's shape, and with which words the rest is refused."""

from typing import Any

import pytest

from pipelines.families import hunyuan, ltx2, wan
from pipelines.families.family import Config, Family
from pipelines.parallel.fit import UnfitShape, check_shape, most_passes
from pipelines.parallel.shape import SINGLE, GangShape

LTX2 = {"_class_name": "LTX2VideoTransformer3DModel"}
WAN = {"_class_name": "WanTransformer3DModel", "num_attention_heads": 12, "ffn_dim": 8960}
HUNYUAN = {"_class_name": "HunyuanVideo15Transformer3DModel", "task_type": "t2v"}


def family_of(transformer: Config) -> Family:
    configs: dict[str, Any] = {"index": {}, "vae": {}, "transformer": transformer}
    kind = transformer["_class_name"]
    if kind == "LTX2VideoTransformer3DModel":
        return ltx2.family(configs)
    if kind == "WanTransformer3DModel":
        return wan.text_to_video(configs)
    return hunyuan.text_to_video(configs)


def check(transformer: Config, shape: GangShape, **more: Config) -> None:
    check_shape(family_of(transformer), {"transformer": transformer, **more}, shape)


@pytest.mark.parametrize(
    ("transformer", "shape"),
    [
        (LTX2, GangShape(tp=8)),
        (LTX2, GangShape(tp=4, cfg=2)),
        (LTX2, GangShape(tp=2, ulysses=4)),
        (WAN, GangShape(tp=4)),
        (WAN, GangShape(tp=2, cfg=2, ulysses=2)),
        (HUNYUAN, GangShape(tp=4, cfg=2)),
        ({**WAN, "num_attention_heads": 7}, SINGLE),
    ],
)
def test_what_divides_is_accepted(transformer: Config, shape: GangShape) -> None:
    check(transformer, shape)


@pytest.mark.parametrize(
    ("transformer", "shape", "words"),
    [
        (WAN, GangShape(tp=8), "wan-2.1-t2v transformer: 12 attention heads .* by tp 8; use a tp"),
        (
            {**WAN, "ffn_dim": 8962},
            GangShape(tp=4),
            "8962 feed-forward width cannot be divided by tp 4; use a tp of 1, 2$",
        ),
        (
            {**LTX2, "audio_num_attention_heads": 6},
            GangShape(tp=4),
            "ltx2 transformer: 6 audio attention heads cannot be divided by tp 4; .* 1, 2$",
        ),
        (HUNYUAN, GangShape(tp=3), "hunyuan-1.5-t2v transformer: 16 attention heads"),
        (WAN, GangShape(tp=4, ulysses=2), "3 attention heads a rank .* ulysses 2; .* of 1, 3$"),
        (WAN, GangShape(cfg=3), "wan-2.1-t2v: cfg is 3, but its guidance runs at most 2 forward"),
        (LTX2, GangShape(cfg=4), "ltx2: cfg is 4, but its guidance runs at most 3 forward"),
    ],
)
def test_what_does_not_divide_is_refused_with_what_would(
    transformer: Config, shape: GangShape, words: str
) -> None:
    with pytest.raises(UnfitShape, match=words):
        check(transformer, shape)


def test_the_second_transformer_is_looked_at_too() -> None:
    with pytest.raises(UnfitShape, match="transformer_2: 9 attention heads"):
        check(WAN, GangShape(tp=2), transformer_2={**WAN, "num_attention_heads": 9})


def test_hunyuan_is_not_divided_by_tokens() -> None:
    """Video and text are one sequence there: divided, each rank's text would count twice."""
    with pytest.raises(UnfitShape, match="ulysses is 2, but its attention joins video and text"):
        check(HUNYUAN, GangShape(ulysses=2))


def test_a_transformer_without_a_plan_is_divided_by_passes_alone() -> None:
    family, unknown = family_of(WAN), {"_class_name": "Mochi", "num_attention_heads": 24}
    check_shape(family, {"transformer": unknown}, GangShape(cfg=2))
    for shape in (GangShape(tp=2), GangShape(ulysses=2)):
        with pytest.raises(UnfitShape, match="no plan for dividing a Mochi; use cfg alone"):
            check_shape(family, {"transformer": unknown}, shape)


@pytest.mark.parametrize(
    ("transformer", "passes"), [(WAN, 2), (LTX2, 3), ({**LTX2, "perturbed_attn": True}, 4)]
)
def test_passes_are_those_of_the_guiders(transformer: Config, passes: int) -> None:
    assert most_passes(family_of(transformer)) == passes
