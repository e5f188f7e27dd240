"""Shapes from configs: what guiders, experts and unknown families make of them."""

from typing import Any

import pytest

from pipelines.shapes.configs import Configs, ShapeError, shape_from_configs
from tests.full_configs import CLIP, HUNYUAN, LTX2, SIGLIP, WAN


def changed(configs: Configs, part: str, **values: Any) -> Configs:
    return {**configs, part: {**configs[part], **values}}


def test_wan_14b_is_known() -> None:
    shape = shape_from_configs(WAN, text_tokens=512)
    assert shape.exact
    assert (shape.token_side, shape.token_frames) == (16, 4)
    assert (shape.guided_passes, shape.plain_passes) == (2, 1)
    assert shape.audio_tokens_per_s == 0
    assert shape.transformer.parameters == pytest.approx(14.3e9, rel=0.01)
    assert shape.text.parameters == pytest.approx(5.7e9, rel=0.01)


def test_wan_22_has_two_experts() -> None:
    pair = shape_from_configs({**WAN, "transformer_2": WAN["transformer"]}, text_tokens=512)
    assert pair.transformer.experts == 2
    assert pair.transformer.parameters == pytest.approx(28.6e9, rel=0.01)


def test_wan_21_from_a_picture_also_attends_to_it() -> None:
    configs = changed(WAN, "transformer", image_dim=1280, added_kv_proj_dim=5120, in_channels=36)
    shape = shape_from_configs(configs, text_tokens=512)
    assert shape.picture_tokens == 257
    assert shape.picture_frames == "all"
    assert shape.transformer.parameters == pytest.approx(16.4e9, rel=0.01)


@pytest.mark.parametrize(
    ("configs", "encoder", "parameters"),
    [
        (WAN, CLIP, 0.631e9),
        (WAN, {"vision_config": CLIP}, 0.631e9),
        (HUNYUAN, SIGLIP, 0.428e9),
        (WAN, {"model_type": "clip_vision_model"}, 0.086e9),  # the class's defaults
    ],
)
def test_image_encoders_weigh_what_they_are_known_to_weigh(
    configs: Configs, encoder: dict[str, Any], parameters: float
) -> None:
    shape = shape_from_configs({**configs, "image_encoder": encoder}, text_tokens=512)
    assert shape.picture_parameters == pytest.approx(parameters, rel=0.05)
    assert shape_from_configs(configs, text_tokens=512).picture_parameters == 0


def test_ltx2_is_known() -> None:
    shape = shape_from_configs(LTX2, text_tokens=1024)
    assert shape.exact
    assert (shape.token_side, shape.token_frames) == (32, 8)
    assert shape.audio_tokens_per_s == 25.0
    assert shape.transformer.parameters == pytest.approx(18.9e9, rel=0.01)


@pytest.mark.parametrize(
    ("guiders", "passes"),
    [
        ({}, (2, 1)),
        ({"guider": {}, "audio_guider": {}}, (2, 1)),
        ({"guider": {"stg_scale": 1.0}, "audio_guider": {"stg_scale": 0.0}}, (3, 2)),
        ({"guider": {"stg_scale": 1.0, "modality_scale": 3.0}}, (4, 3)),
        ({"guider": {"modality_scale": 3.0}, "audio_guider": {"guidance_scale": 7.0}}, (3, 3)),
    ],
)
def test_guiders_decide_the_passes(guiders: Any, passes: tuple[int, int]) -> None:
    shape = shape_from_configs(LTX2, text_tokens=1024, guiders=guiders)
    assert (shape.guided_passes, shape.plain_passes) == passes


@pytest.mark.parametrize(
    "configs",
    [
        changed(WAN, "transformer", _class_name="SomethingNewTransformer3DModel"),
        changed(WAN, "vae", is_residual=True),
        {"transformer": WAN["transformer"] | {"_class_name": "Other"}},
    ],
)
def test_unknown_models_get_a_rough_shape_that_says_so(configs: Configs) -> None:
    shape = shape_from_configs(configs, text_tokens=512)
    assert not shape.exact
    # 16 squares a layer against Wan's own 13.4: near enough to order by.
    assert shape.transformer.parameters == pytest.approx(14.3e9, rel=0.25)


@pytest.mark.parametrize("missing", ["num_layers", "num_attention_heads", "ffn_dim"])
def test_a_missing_key_is_named(missing: str) -> None:
    transformer = {key: value for key, value in WAN["transformer"].items() if key != missing}
    with pytest.raises(ShapeError, match=missing):
        shape_from_configs({**WAN, "transformer": transformer}, text_tokens=512)


def test_a_missing_component_is_named() -> None:
    configs = {name: config for name, config in LTX2.items() if name != "audio_vae"}
    with pytest.raises(ShapeError, match="audio_vae"):
        shape_from_configs(configs, text_tokens=8)


def test_configs_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ShapeError, match="contradict"):
        shape_from_configs(changed(LTX2, "vae", upsample_factor=[2, 2]), text_tokens=8)
    with pytest.raises(ShapeError, match="contradict"):
        shape_from_configs(changed(WAN, "vae", dim_mult=None), text_tokens=8)


def test_hunyuan_video_is_known() -> None:
    shape = shape_from_configs(HUNYUAN, text_tokens=1000)
    assert shape.exact
    assert (shape.token_side, shape.token_frames) == (16, 4)
    assert (shape.guided_passes, shape.plain_passes) == (2, 1)
    assert shape.transformer.parameters == pytest.approx(8.3e9, rel=0.02)
    assert shape.text.parameters == pytest.approx(7.1e9, rel=0.05)
