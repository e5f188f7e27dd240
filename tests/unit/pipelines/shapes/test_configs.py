"""Shapes from configs: what guiders, experts and unknown families make of them."""

from typing import Any

import pytest

from pipelines.shapes.configs import Configs, ShapeError, shape_from_configs

WAN = {
    "transformer": {
        "_class_name": "WanTransformer3DModel",
        "patch_size": [1, 2, 2],
        "num_attention_heads": 40,
        "attention_head_dim": 128,
        "in_channels": 16,
        "out_channels": 16,
        "text_dim": 4096,
        "freq_dim": 256,
        "ffn_dim": 13824,
        "num_layers": 40,
    },
    "vae": {
        "base_dim": 96,
        "z_dim": 16,
        "dim_mult": [1, 2, 4, 4],
        "num_res_blocks": 2,
        "temperal_downsample": [False, True, True],
        "out_channels": 3,
    },
    "text_encoder": {
        "d_model": 4096,
        "d_kv": 64,
        "d_ff": 10240,
        "num_layers": 24,
        "num_heads": 64,
        "vocab_size": 256384,
        "feed_forward_proj": "gated-gelu",
    },
}
LTX2 = {
    "transformer": {
        "_class_name": "LTX2VideoTransformer3DModel",
        "in_channels": 128,
        "out_channels": 128,
        "num_attention_heads": 32,
        "attention_head_dim": 128,
        "cross_attention_dim": 4096,
        "audio_in_channels": 128,
        "audio_out_channels": 128,
        "audio_num_attention_heads": 32,
        "audio_attention_head_dim": 64,
        "audio_cross_attention_dim": 2048,
        "num_layers": 48,
        "caption_channels": 3840,
    },
    "vae": {
        "latent_channels": 128,
        "decoder_block_out_channels": [256, 512, 1024],
        "decoder_layers_per_block": [5, 5, 5, 5],
        "decoder_spatio_temporal_scaling": [True, True, True],
        "upsample_type": ["spatiotemporal"] * 3,
        "upsample_factor": [2, 2, 2],
        "patch_size": 4,
    },
    "audio_vae": {
        "sample_rate": 16000,
        "mel_hop_length": 160,
        "mel_bins": 64,
        "base_channels": 128,
        "ch_mult": [1, 2, 4],
        "num_res_blocks": 2,
        "latent_channels": 8,
        "output_channels": 2,
    },
    "vocoder": {},
    "text_encoder": {"text_config": {"hidden_size": 3840, "num_hidden_layers": 48}},
}


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
