"""A request becomes a spec with every value decided, or an error that says what would work."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.spec import ClipRequest, ClipSpec, ModelLimits, SpecError, resolve

LTX2 = ModelLimits(
    sizes=((768, 512), (512, 768)),
    free_sizes=True,
    size_multiple=32,
    max_pixels=1280 * 704,
    frame_stride=8,
    default_frames=121,
    max_frames=241,
    default_fps=24,
    min_fps=8,
    max_fps=50,
    default_steps=30,
    max_steps=100,
    default_guidance=3.0,
    max_guidance=20.0,
    default_negative_prompt="blurry",
    max_prompt_chars=100,
    image="optional",
    sound=True,
)
WAN = dataclasses.replace(
    LTX2,
    sizes=((832, 480),),
    size_multiple=16,
    frame_stride=4,
    default_frames=81,
    max_frames=81,
    default_fps=16,
    min_fps=16,
    max_fps=16,
    image="none",
    sound=False,
)


def made(limits: ModelLimits = LTX2, **asked: Any) -> ClipSpec:
    return resolve(ClipRequest(**{"prompt": "a cat", **asked}), limits, fresh_seed=5)


def refused(limits: ModelLimits = LTX2, **asked: Any) -> SpecError:
    with pytest.raises(SpecError) as caught:
        made(limits, **asked)
    return caught.value


def test_omitted_fields_mean_the_models_own_defaults() -> None:
    assert made() == ClipSpec(
        prompt="a cat",
        negative_prompt="blurry",
        width=768,
        height=512,
        num_frames=121,
        fps=24,
        steps=30,
        guidance_scale=3.0,
        seed=5,
        sound=True,
        has_image=False,
    )
    assert made(WAN).sound is False


def test_values_that_were_asked_for_are_kept() -> None:
    asked: dict[str, Any] = {
        "negative_prompt": "",
        "width": 512,
        "height": 768,
        "num_frames": 9,
        "fps": 8,
        "steps": 1,
        "guidance_scale": 1.0,
        "seed": 0,
        "sound": False,
        "has_image": True,
    }
    assert dataclasses.asdict(made(**asked)) == {"prompt": "a cat", **asked}


@pytest.mark.parametrize(
    ("limits", "asked", "used"),
    [
        (LTX2, 48, 49),
        (LTX2, 44, 41),
        (LTX2, 46, 49),
        (LTX2, 1, 1),
        (LTX2, 241, 241),
        (WAN, 75, 77),
        (WAN, 79, 81),
        (WAN, 80, 81),
        (WAN, 2, 1),
        (WAN, 3, 5),
    ],
)
def test_frames_are_rounded_by_the_models_rule(limits: ModelLimits, asked: int, used: int) -> None:
    assert made(limits, num_frames=asked).num_frames == used


@pytest.mark.parametrize(
    ("limits", "seconds", "frames"), [(LTX2, 2.0, 49), (LTX2, 5, 121), (WAN, 5, 81), (WAN, 1, 17)]
)
def test_seconds_become_frames(limits: ModelLimits, seconds: float, frames: int) -> None:
    spec = made(limits, seconds=seconds)
    assert spec.num_frames == frames
    assert spec.seconds == pytest.approx(seconds, abs=limits.frame_stride / spec.fps)


@given(st.floats(1, 81))
def test_rounded_frames_are_allowed_and_nearest(frames: float) -> None:
    used = WAN.nearest_frames(frames)
    assert used % 4 == 1
    assert abs(used - frames) <= 2


@pytest.mark.parametrize(
    ("asked", "param", "code", "hint"),
    [
        ({"prompt": " \n"}, "prompt", "prompt_empty", "say what"),
        ({"prompt": "x" * 101}, "prompt", "prompt_too_long", "at most 100"),
        ({"negative_prompt": "x" * 101}, "negative_prompt", "prompt_too_long", "at most 100"),
        ({"width": 768}, "size", "invalid_size", "together"),
        ({"width": 770, "height": 512}, "size", "invalid_size", "divisible by 32"),
        ({"width": 0, "height": 512}, "size", "invalid_size", "768x512"),
        ({"width": -32, "height": -32}, "size", "invalid_size", "768x512"),
        ({"width": 4096, "height": 4096}, "size", "invalid_size", "901120 pixels"),
        ({"num_frames": 0}, "num_frames", "invalid_num_frames", "1 to 241"),
        ({"num_frames": 242}, "num_frames", "invalid_num_frames", "1 to 241"),
        ({"seconds": 60}, "seconds", "invalid_seconds", "10.04"),
        ({"seconds": float("nan")}, "seconds", "invalid_seconds", "10.04"),
        ({"seconds": 1, "num_frames": 9}, "num_frames", "invalid_num_frames", "not both"),
        ({"fps": 4}, "fps", "invalid_fps", "8 to 50"),
        ({"steps": 0}, "num_inference_steps", "invalid_num_inference_steps", "1 to 100"),
        ({"guidance_scale": 0.5}, "guidance_scale", "invalid_guidance_scale", "1 to 20"),
        ({"guidance_scale": float("nan")}, "guidance_scale", "invalid_guidance_scale", "1 to"),
        ({"seed": -1}, "seed", "invalid_seed", "must be 0 to"),
        ({"seed": 2**63}, "seed", "invalid_seed", "must be 0 to"),
    ],
)
def test_what_a_model_cannot_do_is_refused_with_what_it_can(
    asked: dict[str, Any], param: str, code: str, hint: str
) -> None:
    error = refused(**asked)
    assert (error.param, error.code) == (param, code)
    assert hint in error.message


def test_a_picture_is_refused_or_required_by_the_kind_of_model() -> None:
    assert refused(WAN, has_image=True).code == "image_not_supported"
    needy = dataclasses.replace(WAN, image="required")
    assert refused(needy).code == "image_required"
    assert made(needy, has_image=True).has_image


def test_sound_of_a_silent_model_is_refused() -> None:
    assert refused(WAN, sound=True).code == "sound_not_supported"
    assert made(WAN, sound=False).sound is False


def test_only_listed_sizes_when_sizes_are_not_free() -> None:
    strict = dataclasses.replace(LTX2, free_sizes=False)
    assert refused(strict, width=256, height=256).code == "invalid_size"
    assert made(strict, width=512, height=768).width == 512
