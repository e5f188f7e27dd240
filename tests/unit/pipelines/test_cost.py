"""Prices of clips: how they grow, what they add up to, and how experience corrects them."""

import dataclasses
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.cost import (
    FACTOR_RANGE,
    Calibration,
    Stage,
    StageCosts,
    decode_flops,
    encode_flops,
    pass_flops,
    predict,
    step_flops,
    tokens,
)
from pipelines.shapes.shape import (
    Attention,
    ConvLevel,
    DecoderShape,
    ModelShape,
    TextShape,
    TransformerShape,
)
from pipelines.spec import ClipSpec

STAGES: tuple[Stage, ...] = ("encode", "denoise", "decode")

SHAPE = ModelShape(
    transformer=TransformerShape(
        macs={"video": 1_000, "audio": 100, "text": 10},
        fixed_macs=5_000,
        picture_macs=70,
        attentions=(
            Attention(queries="video", keys="video", width=8),
            Attention(queries="audio", keys="text", width=4),
        ),
        live_values=40,
    ),
    text=TextShape(macs=300, attention_width=2, parameters=9_000),
    decoder=DecoderShape(
        levels=(
            ConvLevel(macs=200, space=16, time=4, channels=64),
            ConvLevel(macs=3, space=1, time=1, channels=8),
        ),
        whole_clip=True,
        sound_macs_per_s=1_000,
    ),
    token_side=16,
    token_frames=4,
    text_tokens=32,
    audio_tokens_per_s=25.0,
    guided_passes=4,
    plain_passes=3,
)


def spec(**changes: Any) -> ClipSpec:
    values: dict[str, Any] = {
        "prompt": "a lighthouse",
        "negative_prompt": "",
        "width": 64,
        "height": 32,
        "num_frames": 17,
        "fps": 8,
        "steps": 10,
        "guidance_scale": 3.0,
        "seed": 1,
        "sound": True,
        "has_image": False,
    }
    return ClipSpec(**{**values, **changes})


def test_tokens_follow_the_latent_grid() -> None:
    # (17 - 1) / 4 + 1 = 5 latent frames of 4 x 2 tokens; 17 / 8 s of sound at 25 tokens a second.
    assert tokens(SHAPE, spec()) == {
        "video": 40,
        "audio": 53,
        "text": 32,
        "glyphs": 0,
        "picture": 0,
    }


def test_a_pass_is_what_one_adds_up_by_hand() -> None:
    linear = 40 * 1_000 + 53 * 100 + 32 * 10 + 5_000
    attention = 2 * 8 * 40 * 40 + 2 * 4 * 53 * 32
    assert pass_flops(SHAPE, spec()) == 2 * (linear + attention)
    with_picture = pass_flops(SHAPE, spec(has_image=True))
    assert with_picture == 2 * (linear + attention + 40 * 70)


def test_guidance_multiplies_the_passes() -> None:
    assert step_flops(SHAPE, spec()) == 4 * pass_flops(SHAPE, spec())
    assert step_flops(SHAPE, spec(guidance_scale=1.0)) == 3 * pass_flops(SHAPE, spec())


def test_encode_and_decode_are_what_one_adds_up_by_hand() -> None:
    text = 2 * 32 * (300 + 2 * 2 * 32)
    frames = 5 * 2 * 4 * 200 + 17 * 32 * 64 * 3
    first_frame = 1 * 2 * 4 * 200 + 1 * 32 * 64 * 3
    whole_clip = dataclasses.replace(SHAPE, picture_frames="all")
    assert encode_flops(SHAPE, spec()) == 2 * text
    assert encode_flops(SHAPE, spec(has_image=True)) == 2 * (text + first_frame)
    assert encode_flops(whole_clip, spec(has_image=True)) == 2 * (text + frames)
    assert decode_flops(SHAPE, spec(sound=False)) == 2 * frames
    assert decode_flops(SHAPE, spec()) == 2 * (frames + 17 * 1_000 // 8)


def test_prediction_is_flops_over_the_rate() -> None:
    costs = predict(SHAPE, spec(), gflops_per_s=2.0)
    assert costs.denoise_s == pytest.approx(10 * step_flops(SHAPE, spec()) / 2e9)
    assert costs.encode_s == pytest.approx(encode_flops(SHAPE, spec()) / 2e9)
    assert costs.decode_s == pytest.approx(decode_flops(SHAPE, spec()) / 2e9)
    assert costs.total_s == costs.encode_s + costs.denoise_s + costs.decode_s


@given(
    small=st.tuples(st.integers(1, 20), st.integers(1, 20), st.integers(0, 30)),
    more=st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)),
    steps=st.integers(1, 100),
)
def test_more_of_anything_never_costs_less(
    small: tuple[int, int, int], more: tuple[int, int, int], steps: int
) -> None:
    less, larger = (
        predict(
            SHAPE,
            spec(width=16 * w, height=16 * h, num_frames=4 * k + 1, steps=steps),
            gflops_per_s=1.0,
        )
        for w, h, k in (small, tuple(a + b for a, b in zip(small, more, strict=True)))
    )
    assert larger.denoise_s >= less.denoise_s
    assert larger.decode_s >= less.decode_s


def test_remaining_shrinks_with_the_steps() -> None:
    costs = StageCosts(encode_s=1.0, denoise_s=20.0, decode_s=3.0)
    assert costs.remaining_s(0, 10) == 24.0
    assert costs.remaining_s(1, 10) == pytest.approx(21.0)
    assert costs.remaining_s(10, 10) == 3.0


def learnt(ratios: list[float], start: Calibration | None = None) -> Calibration:
    calibration = start or Calibration()
    for ratio in ratios:
        calibration = calibration.observed("m", "denoise", predicted_s=2.0, observed_s=2.0 * ratio)
    return calibration


def test_nothing_learnt_changes_nothing() -> None:
    costs = StageCosts(encode_s=1.0, denoise_s=2.0, decode_s=3.0)
    assert Calibration().corrected("m", costs) == costs


def test_the_first_observation_is_believed() -> None:
    costs = StageCosts(encode_s=1.0, denoise_s=2.0, decode_s=3.0)
    corrected = learnt([1.5]).corrected("m", costs)
    assert corrected == StageCosts(encode_s=1.0, denoise_s=3.0, decode_s=3.0)


def test_models_and_stages_learn_apart() -> None:
    calibration = (
        Calibration()
        .observed("a", "encode", predicted_s=1.0, observed_s=2.0)
        .observed("a", "decode", predicted_s=1.0, observed_s=3.0)
        .observed("b", "encode", predicted_s=1.0, observed_s=5.0)
    )
    assert [calibration.factor("a", stage) for stage in STAGES] == [2.0, 1.0, 3.0]
    assert [calibration.factor("b", stage) for stage in STAGES] == [5.0, 1.0, 1.0]


def test_observing_makes_a_new_value() -> None:
    before = learnt([2.0])
    learnt([3.0], before)
    assert before.factor("m", "denoise") == 2.0


@given(st.floats(0.01, 100), st.floats(0.01, 100))
def test_it_settles_on_what_it_keeps_seeing(first: float, then: float) -> None:
    assert learnt([first] + [then] * 120).factor("m", "denoise") == pytest.approx(then, rel=0.05)


def test_late_observations_weigh_a_tenth() -> None:
    settled = learnt([2.0] * 30)
    assert learnt([2.2], settled).factor("m", "denoise") == pytest.approx(2.02, rel=0.002)


def test_one_outlier_moves_little() -> None:
    settled = learnt([1.0] * 30)
    assert learnt([1_000.0], settled).factor("m", "denoise") == pytest.approx(4**0.1)
    assert learnt([0.001], settled).factor("m", "denoise") == pytest.approx(4**-0.1)


@given(st.lists(st.floats(), max_size=30))
def test_no_observation_breaks_it(ratios: list[float]) -> None:
    low, high = FACTOR_RANGE
    assert low <= learnt(ratios).factor("m", "denoise") <= high


def test_no_time_teaches_nothing() -> None:
    calibration = Calibration().observed("m", "encode", predicted_s=0.0, observed_s=1.0)
    assert calibration == Calibration()


def test_it_travels_between_processes() -> None:
    calibration = learnt([2.0, 3.0])
    assert pickle.loads(pickle.dumps(calibration)) == calibration
