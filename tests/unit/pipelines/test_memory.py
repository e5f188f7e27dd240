"""What fits a device, and what is said to who asks for more."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.cost import Stage
from pipelines.families import hunyuan
from pipelines.memory import (
    MARGIN,
    RESERVED_BYTES,
    Room,
    Rooms,
    check_fits,
    decodes_in_tiles,
    peak_bytes,
)
from pipelines.shapes.configs import shape_from_configs
from pipelines.spec import ClipSpec, SpecError
from tests.full_configs import CLIP, HUNYUAN, LTX2, WAN

LIMITS = hunyuan.text_to_video(HUNYUAN).limits
SHAPES = {
    "hunyuan": shape_from_configs(HUNYUAN, text_tokens=1000),
    "ltx2": shape_from_configs(LTX2, text_tokens=1024),
    "wan": shape_from_configs(WAN, text_tokens=512),
}
FREE = Room(num_bytes=None, value_bytes=2, vae_value_bytes=2)
GIB = 2**30


def spec(width: int = 848, height: int = 480, num_frames: int = 121, **changes: Any) -> ClipSpec:
    values: dict[str, Any] = {
        "prompt": "a lighthouse",
        "negative_prompt": "",
        "width": width,
        "height": height,
        "num_frames": num_frames,
        "fps": 24,
        "steps": 50,
        "guidance_scale": 6.0,
        "seed": 1,
        "sound": False,
        "has_image": False,
    }
    return ClipSpec(**{**values, **changes})


def rooms(gib: float, *stages: Stage) -> Rooms:
    room = dataclasses.replace(FREE, num_bytes=round(gib * GIB))
    return {stage: room for stage in stages or ("encode", "denoise", "decode")}


def refusal(name: str, clip: ClipSpec, given: Rooms) -> SpecError:
    with pytest.raises(SpecError) as refused:
        check_fits(SHAPES[name], clip, LIMITS, given)
    return refused.value


@pytest.mark.parametrize(
    ("name", "clip", "stage", "gib"),
    [
        ("ltx2", spec(768, 512), "denoise", 36.3),
        ("ltx2", spec(1920, 1088), "decode", 21),
        ("wan", spec(1280, 720, 81), "denoise", 34.9),
        ("hunyuan", spec(), "denoise", 17.9),
        ("hunyuan", spec(), "decode", 98),
    ],
)
def test_full_size_models_need_what_they_are_known_to_need(
    name: str, clip: ClipSpec, stage: Stage, gib: float
) -> None:
    assert peak_bytes(SHAPES[name], clip, stage, FREE) / GIB == pytest.approx(gib, rel=0.02)


PICTURE_WAN = {
    **WAN,
    "transformer": {
        **WAN["transformer"],
        "image_dim": 1280,
        "added_kv_proj_dim": 5120,
        "in_channels": 36,
    },
    "image_encoder": CLIP,
}
WAN_ROOM = dataclasses.replace(FREE, vae_value_bytes=4)


@pytest.mark.parametrize(
    ("size", "room", "gib"),
    [
        ((832, 480), WAN_ROOM, 10.6 + 2.35 + 8.06),
        ((1280, 720), WAN_ROOM, 10.6 + 2.35 + 18.3),
        ((1280, 720), dataclasses.replace(WAN_ROOM, offload="model"), 18.3),  # they take turns
        ((832, 480), FREE, 10.6 + 1.17 + 4.03),
    ],
)
def test_a_picture_is_encoded_as_a_whole_clip_in_the_vaes_own_dtype(
    size: tuple[int, int], room: Room, gib: float
) -> None:
    shape, clip = shape_from_configs(PICTURE_WAN, text_tokens=512), spec(*size, 81, has_image=True)
    assert peak_bytes(shape, clip, "encode", room) / GIB == pytest.approx(gib, rel=0.02)
    alone = dataclasses.replace(clip, has_image=False)
    assert peak_bytes(shape, alone, "encode", room) / GIB == pytest.approx(10.6, rel=0.02)


def test_the_mask_of_hunyuans_decoder_counts() -> None:
    shape, clip = SHAPES["hunyuan"], spec()
    without = dataclasses.replace(
        shape, decoder=dataclasses.replace(shape.decoder, attention_width=0)
    )
    mask = 2 * (31 * 30 * 53) ** 2
    more = peak_bytes(shape, clip, "decode", FREE) - peak_bytes(without, clip, "decode", FREE)
    assert more == 3 * mask


@pytest.mark.parametrize("name", SHAPES)
def test_tiles_save_memory_where_clips_are_large(name: str) -> None:
    shape, clip = SHAPES[name], spec(1280, 720)
    whole = peak_bytes(shape, clip, "decode", FREE)
    assert peak_bytes(shape, clip, "decode", FREE, tiled=True) < whole
    just_enough = dataclasses.replace(FREE, num_bytes=round(whole * MARGIN + RESERVED_BYTES) + 1)
    assert not decodes_in_tiles(shape, clip, just_enough)
    assert decodes_in_tiles(shape, spec(1280, 720, 125), just_enough)
    assert not decodes_in_tiles(shape, clip, FREE)


def test_ranks_divide_the_weights_and_offloading_keeps_few() -> None:
    shape, clip = SHAPES["ltx2"], spec(768, 512)
    one = peak_bytes(shape, clip, "denoise", FREE)
    pair = peak_bytes(shape, clip, "denoise", dataclasses.replace(FREE, tp=2))
    streamed = peak_bytes(shape, clip, "denoise", dataclasses.replace(FREE, offload="group"))
    assert 0.5 < pair / one < 0.6
    assert streamed < 0.15 * one


def test_two_transformers_take_turns_when_offloaded() -> None:
    pair = shape_from_configs({**WAN, "transformer_2": WAN["transformer"]}, text_tokens=512)
    clip = spec(832, 480, 81)
    swapped = peak_bytes(pair, clip, "denoise", dataclasses.replace(FREE, offload="model"))
    assert swapped == peak_bytes(SHAPES["wan"], clip, "denoise", FREE)
    assert peak_bytes(pair, clip, "denoise", FREE) > 1.5 * swapped


def test_sequence_parallel_ranks_divide_the_tokens() -> None:
    shape, clip = SHAPES["wan"], spec(1280, 720, 81)
    weights = 2 * shape.transformer.parameters
    one = peak_bytes(shape, clip, "denoise", FREE) - weights
    half = peak_bytes(shape, clip, "denoise", dataclasses.replace(FREE, ulysses=2)) - weights
    assert half == one // 2


def test_what_fits_is_let_through() -> None:
    check_fits(SHAPES["hunyuan"], spec(), LIMITS, rooms(24, "denoise", "decode"))
    check_fits(SHAPES["hunyuan"], spec(1280, 720, 241), LIMITS, {"denoise": FREE})


def test_the_largest_size_that_fits_is_named() -> None:
    error = refusal("hunyuan", spec(1280, 720), rooms(22, "denoise"))
    assert (error.param, error.code) == ("size", "too_large_for_memory")
    assert error.message.startswith(
        "1280x720 with 121 frames needs about 23.9 GiB of device memory to denoise, and there are "
        "22 GiB; "
    )
    offered = error.message.split("; ")[1].split()[0]
    width, height = map(int, offered.split("x"))
    check_fits(SHAPES["hunyuan"], spec(width, height), LIMITS, rooms(22, "denoise"))
    assert width * height > 848 * 480
    assert width / height == pytest.approx(16 / 9, rel=0.05)


def test_where_no_size_fits_fewer_frames_are_named() -> None:
    one_size = dataclasses.replace(LIMITS, sizes=((848, 480),), free_sizes=False)
    given = rooms(19.5, "denoise")
    with pytest.raises(SpecError) as refused:
        check_fits(SHAPES["hunyuan"], spec(), one_size, given)
    assert refused.value.param == "seconds"
    frames = int(refused.value.message.split("; ")[1].split()[0])
    check_fits(SHAPES["hunyuan"], spec(num_frames=frames), one_size, given)
    with pytest.raises(SpecError):
        check_fits(SHAPES["hunyuan"], spec(num_frames=frames + 4), one_size, given)


def test_weights_that_do_not_fit_are_no_fault_of_the_clip() -> None:
    assert "no clip of this model would fit" in refusal("ltx2", spec(), rooms(8)).message


@given(
    st.sampled_from(sorted(SHAPES)),
    st.tuples(st.integers(1, 60), st.integers(1, 60), st.integers(0, 40)),
    st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)),
    st.booleans(),
)
def test_more_of_anything_never_needs_less(
    name: str, small: tuple[int, int, int], more: tuple[int, int, int], tiled: bool
) -> None:
    for stage in ("encode", "denoise", "decode"):
        less, larger = (
            peak_bytes(SHAPES[name], spec(32 * w, 32 * h, 8 * k + 1), stage, FREE, tiled=tiled)
            for w, h, k in (small, tuple(a + b for a, b in zip(small, more, strict=True)))
        )
        assert larger >= less
