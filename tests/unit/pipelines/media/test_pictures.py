"""Pictures from strangers: what is taken, and how it comes out."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipelines.media.pictures import encode_png, fit_picture, open_picture
from tests.sample_pictures import LIMITS, encoded, gradient


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


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
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
