"""Pictures from strangers: what is taken, how it comes out, and what is refused with which code."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipelines.media.pictures import PictureError, encode_png, fit_picture, open_picture

LIMITS = {"max_bytes": 200_000, "max_pixels": 100_000}
CODES = {
    "image_too_large",
    "image_unsupported",
    "image_damaged",
    "image_too_many_pixels",
    "image_too_small",
    "image_animated",
}


def gradient(width: int = 40, height: int = 24) -> Image.Image:
    """Red grows to the right, green downwards."""
    array = np.zeros((height, width, 3), np.uint8)
    array[..., 0] = np.linspace(0, 255, width, dtype=np.uint8)
    array[..., 1] = np.linspace(0, 255, height, dtype=np.uint8)[:, None]
    return Image.fromarray(array)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()


def refused(blob: bytes, **limits: int) -> str:
    with pytest.raises(PictureError) as caught:
        open_picture(blob, **{**LIMITS, **limits})
    assert caught.value.message
    return caught.value.code


def png_claiming(width: int, height: int) -> bytes:
    """A PNG whose header states a size that its data does not have."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def jpeg_claiming(width: int, height: int) -> bytes:
    blob = bytearray(encoded(gradient(), "JPEG"))
    at = blob.index(b"\xff\xc0") + 5
    blob[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(blob)


def webp_claiming(width: int, height: int) -> bytes:
    payload = b"\0\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    chunk = b"VP8X" + struct.pack("<I", len(payload)) + payload
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


@pytest.mark.parametrize(
    ("kind", "options", "tolerance"),
    [
        ("PNG", {}, 0),
        ("JPEG", {"quality": 95, "subsampling": 0}, 6),
        ("JPEG", {"quality": 95, "subsampling": 0, "progressive": True}, 6),
        ("WEBP", {"lossless": True}, 0),
        ("WEBP", {"quality": 95}, 12),
    ],
)
def test_still_pictures_come_back_as_rgb(
    kind: str, options: dict[str, Any], tolerance: int
) -> None:
    image = open_picture(encoded(gradient(), kind, **options), **LIMITS)
    difference = np.asarray(image).astype(int) - np.asarray(gradient())
    assert image.mode == "RGB"
    assert np.abs(difference).max() <= tolerance


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "I;16"])
def test_every_png_mode_becomes_rgb(mode: str) -> None:
    grey = gradient().convert("L")
    if mode == "I;16":
        source = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    else:
        source = grey.convert(mode)
    image = open_picture(encoded(source, "PNG"), **LIMITS)
    expected = grey.convert("1").convert("RGB") if mode == "1" else grey.convert("RGB")
    assert image.mode == "RGB"
    assert np.abs(np.asarray(image).astype(int) - np.asarray(expected)).max() <= 3


def test_cmyk_jpeg_becomes_rgb() -> None:
    image = open_picture(encoded(gradient().convert("CMYK"), "JPEG", quality=95), **LIMITS)
    assert image.mode == "RGB"
    assert np.abs(np.asarray(image).astype(int) - np.asarray(gradient())).mean() < 5


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_transparency_becomes_white(kind: str) -> None:
    cut_out = Image.new("RGBA", (32, 32), (200, 0, 0, 0))
    cut_out.paste((0, 0, 200, 255), (0, 0, 16, 32))
    options = {"lossless": True} if kind == "WEBP" else {}
    image = open_picture(encoded(cut_out, kind, **options), **LIMITS)
    assert image.getpixel((4, 4)) == (0, 0, 200)
    assert image.getpixel((28, 4)) == (255, 255, 255)


def test_palette_with_a_transparent_colour_becomes_white() -> None:
    source = gradient().convert("P")
    source.putpixel((5, 5), 7)
    image = open_picture(encoded(source, "PNG", transparency=7), **LIMITS)
    assert image.getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize(("orientation", "corner"), [(1, (0, 0)), (3, (255, 255)), (6, (0, 255))])
def test_exif_orientation_is_applied(orientation: int, corner: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    blob = encoded(gradient(), "JPEG", quality=95, subsampling=0, exif=exif)
    image = open_picture(blob, **LIMITS)
    assert image.size == ((24, 40) if orientation == 6 else (40, 24))
    assert image.getpixel((0, 0))[:2] == pytest.approx(corner, abs=12)


def test_broken_exif_does_not_cost_the_picture() -> None:
    blob = encoded(gradient(), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x12\x01" * 9)
    assert open_picture(blob, **LIMITS).size == (40, 24)


def test_nothing_but_pixels_gets_through() -> None:
    exif = Image.Exif()
    exif[0x010E] = "a secret place"
    blob = encoded(gradient(), "PNG", exif=exif, icc_profile=b"\0" * 200)
    assert b"secret" in blob
    stored = encode_png(open_picture(blob, **LIMITS))
    assert b"secret" not in stored
    assert b"iCCP" not in stored
    assert Image.open(io.BytesIO(stored)).info == {}


def test_phone_jpeg_with_a_second_picture_is_a_still() -> None:
    blob = encoded(gradient(), "MPO", save_all=True, append_images=[gradient()], quality=95)
    assert open_picture(blob, **LIMITS).size == (40, 24)


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


@pytest.mark.parametrize("size", [(64, 64), (96, 32), (17, 90), (40, 24)])
def test_fitting_gives_exactly_the_size(size: tuple[int, int]) -> None:
    assert fit_picture(gradient(), *size).size == size


def test_fitting_keeps_the_middle_and_the_shape_of_things() -> None:
    image = Image.new("RGB", (300, 100), "red")
    image.paste("lime", (100, 0, 200, 100))
    fitted = np.asarray(fit_picture(image, 50, 50))
    assert (fitted[:, 4:-4] == (0, 255, 0)).all()


def test_png_keeps_every_pixel() -> None:
    stored = Image.open(io.BytesIO(encode_png(gradient())))
    assert stored.format == "PNG"
    assert np.array_equal(np.asarray(stored), np.asarray(gradient()))
