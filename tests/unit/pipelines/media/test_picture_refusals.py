"""Pictures from strangers: what is refused, with which code, and before what is done."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipelines.media.pictures import PictureError, open_picture
from tests.sample_pictures import (
    LIMITS,
    encoded,
    gradient,
    jpeg_claiming,
    png_claiming,
    webp_claiming,
)

CODES = {
    "image_too_large",
    "image_unsupported",
    "image_damaged",
    "image_too_many_pixels",
    "image_too_small",
    "image_animated",
}


def refused(blob: bytes, **limits: int) -> str:
    with pytest.raises(PictureError) as caught:
        open_picture(blob, **{**LIMITS, **limits})
    assert caught.value.message
    return caught.value.code


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"\x89PNG",
        b"GIF89a" + b"\0" * 40,
        b"%PDF-1.7 and so on",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"RIFF\x24\0\0\0WAVEfmt " + b"\0" * 40,
        encoded(gradient(), "GIF"),
        encoded(gradient(), "TIFF"),
        encoded(gradient(), "BMP"),
    ],
)
def test_other_files_are_unsupported(blob: bytes) -> None:
    assert refused(blob) == "image_unsupported"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
def test_cut_off_pictures_are_damaged(kind: str, kept: float) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
    blob = encoded(noise, kind)
    assert refused(blob[: int(kept * len(blob))]) == "image_damaged"


@pytest.mark.parametrize("claim", [png_claiming, jpeg_claiming, webp_claiming])
@pytest.mark.parametrize("size", [(16_000, 16_000), (1_000, 101), (16_383, 7)])
def test_bombs_are_refused_by_their_header(claim: Any, size: tuple[int, int]) -> None:
    assert refused(claim(*size)) == "image_too_many_pixels"


def test_a_real_bomb_is_never_unfolded() -> None:
    blob = encoded(Image.new("L", (9_000, 9_000)), "PNG")
    assert len(blob) < LIMITS["max_bytes"]
    assert refused(blob) == "image_too_many_pixels"


def test_heavy_files_are_refused_unread() -> None:
    assert refused(b"\0" * 1_001, max_bytes=1_000) == "image_too_large"


def test_tiny_pictures_are_refused() -> None:
    for kind in ("PNG", "JPEG", "WEBP"):
        assert refused(encoded(gradient(40, 15), kind)) == "image_too_small"


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_animations_are_refused(kind: str) -> None:
    blob = encoded(gradient(), kind, save_all=True, append_images=[gradient().rotate(180)])
    assert refused(blob) == "image_animated"


SEEDS = [
    encoded(gradient(), "PNG"),
    encoded(gradient().convert("P"), "PNG", transparency=3),
    encoded(gradient(), "JPEG"),
    encoded(gradient(), "JPEG", progressive=True),
    encoded(gradient(), "WEBP"),
    encoded(gradient().convert("RGBA"), "WEBP", lossless=True),
    encoded(gradient(), "MPO", save_all=True, append_images=[gradient()]),
]


@settings(max_examples=400, deadline=None)
@given(
    seed=st.sampled_from(SEEDS),
    edits=st.lists(st.tuples(st.integers(0, 10_000), st.binary(max_size=6)), max_size=8),
    keep=st.floats(0.05, 1.0),
)
@pytest.mark.filterwarnings("ignore")
def test_garbage_is_refused_politely_or_opened(
    seed: bytes, edits: list[tuple[int, bytes]], keep: float
) -> None:
    blob = bytearray(seed)
    for at, patch in edits:
        blob[at % len(blob) : at % len(blob) + len(patch)] = patch
    cut = bytes(blob[: int(keep * len(blob))])
    try:
        image = open_picture(cut, **LIMITS)
    except PictureError:
        assert refused(cut) in CODES
    else:
        assert image.mode == "RGB"
        assert image.width * image.height <= LIMITS["max_pixels"]


@given(st.binary(max_size=300), st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF"]))
def test_random_bytes_are_refused(noise: bytes, start: bytes) -> None:
    assert refused(start + noise) in CODES
