"""What is no clip is told from what is one, however odd."""

import numpy as np
import pytest
import torch

from pipelines.soundness import (
    UnsoundLatents,
    check_decoded,
    check_finite,
    check_frames,
    check_latents,
)

NOISE = torch.randn(1, 4, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def spoilt(value: float) -> torch.Tensor:
    tensor = NOISE.clone()
    tensor[0, 1, 2, 3, 4] = value
    return tensor


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_usual_latents_are_sound(dtype: torch.dtype) -> None:
    check_latents({"latents": NOISE.to(dtype), "audio_latents": NOISE[:, :2].to(dtype) / 50})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("check", [check_latents, check_finite])
def test_one_value_that_is_no_number_is_too_many(check: object, value: float) -> None:
    with pytest.raises(UnsoundLatents, match="1 of 768 values of audio_latents are not finite"):
        check({"latents": NOISE, "audio_latents": spoilt(value)})  # type: ignore[operator]


@pytest.mark.parametrize("value", [0.0, 3.5])
def test_latents_that_are_the_same_everywhere_are_no_clip(value: float) -> None:
    with pytest.raises(UnsoundLatents, match="latents have the same value everywhere"):
        check_latents({"latents": torch.full_like(NOISE, value)})
    check_finite({"latents": torch.full_like(NOISE, value)})


def test_other_tensors_are_not_looked_at() -> None:
    check_latents({"latents": NOISE, "prompt_embeds_mask": torch.zeros(3), "steps": 4})


@pytest.mark.parametrize("value", [0, 127, 255])
def test_blank_frames_are_no_clip(value: int) -> None:
    frames = np.full((5, 8, 8, 3), value, np.uint8)
    with pytest.raises(UnsoundLatents, match=f"blank .value {value} of 255"):
        check_frames(frames)


def test_a_dark_clip_with_something_in_it_is_one() -> None:
    frames = np.zeros((5, 8, 8, 3), np.uint8)
    frames[3, 2, 2] = 9
    check_frames(frames)


def test_a_decoder_may_fail_too() -> None:
    check_decoded(NOISE, "sound")
    with pytest.raises(UnsoundLatents, match="the decoded sound is not finite"):
        check_decoded(spoilt(float("nan")), "sound")
