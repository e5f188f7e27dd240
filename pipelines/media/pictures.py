"""Pictures that strangers send: opened by what they are, never by what they claim to be."""

import io
from typing import Literal

import numpy as np
from PIL import Image, ImageOps

PictureCode = Literal[
    "image_too_large",
    "image_unsupported",
    "image_damaged",
    "image_too_many_pixels",
    "image_too_small",
    "image_animated",
]
MIN_SIDE = 16
BACKGROUND = (255, 255, 255)
"""What shows through transparent places."""


class PictureError(ValueError):
    """A picture that cannot be used; `code` is stable, `message` is for the person who sent it."""

    def __init__(self, code: PictureCode, message: str) -> None:
        super().__init__(message)
        self.code: PictureCode = code
        self.message = message


def open_picture(blob: bytes, *, max_bytes: int, max_pixels: int) -> Image.Image:
    """The PNG, JPEG or WebP picture in `blob`, upright, as RGB without metadata.

    Size and pixel count are judged by the header, before anything is decoded. Transparency becomes
    white; colour profiles are dropped, not applied. Raises `PictureError` and nothing else.
    """
    if len(blob) > max_bytes:
        message = f"The picture has {len(blob)} bytes; at most {max_bytes} are accepted."
        raise PictureError("image_too_large", message)
    if (kind := _sniffed(blob)) is None:
        raise PictureError("image_unsupported", "The file is no PNG, JPEG or WebP picture.")
    try:
        if kind == "WEBP":  # Pillow allocates a WebP's whole canvas when it opens it
            _check_size(_webp_size(blob), max_pixels)
        with Image.open(io.BytesIO(blob), formats=[kind]) as image:
            _check_size(image.size, max_pixels)
            _check_still(image)
            return _plain(_upright(image))
    except PictureError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels(max_pixels) from error
    except Exception as error:  # a decoder fed with garbage raises nearly anything
        message = "The picture is damaged or cut off: it cannot be decoded."
        raise PictureError("image_damaged", message) from error


def fit_picture(image: Image.Image, width: int, height: int) -> Image.Image:
    """Exactly `width` x `height`: the middle of the picture, cropped to the shape, then resized."""
    return ImageOps.fit(image, (width, height), method=Image.Resampling.LANCZOS)


def encode_png(image: Image.Image) -> bytes:
    """PNG bytes: the lossless form in which pictures are stored."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def _sniffed(blob: bytes) -> str | None:
    """The format by its first bytes, in Pillow's words."""
    if blob.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if blob.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if blob[:4] == b"RIFF" and blob[8:12] == b"WEBP":
        return "WEBP"
    return None


def _webp_size(blob: bytes) -> tuple[int, int]:
    """Width and height in the header of a WebP: 24 bits each when extended, else 14.

    Raises ValueError for a header of no known kind.
    """
    chunk, header = blob[12:16], blob[20:30]
    if chunk == b"VP8X":
        width, height = (int.from_bytes(header[at : at + 3], "little") for at in (4, 7))
        return width + 1, height + 1
    if chunk == b"VP8L":
        bits = int.from_bytes(header[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":
        width, height = (int.from_bytes(header[at : at + 2], "little") for at in (6, 8))
        return width & 0x3FFF, height & 0x3FFF
    raise ValueError(f"unknown WebP chunk {chunk!r}")


def _check_size(size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        raise _too_many_pixels(max_pixels)
    if min(size) < MIN_SIDE:
        message = f"The picture is {width}x{height}; each side needs at least {MIN_SIDE} pixels."
        raise PictureError("image_too_small", message)


def _too_many_pixels(max_pixels: int) -> PictureError:
    message = f"The picture unfolds to more than {max_pixels} pixels, the most that is accepted."
    return PictureError("image_too_many_pixels", message)


def _check_still(image: Image.Image) -> None:
    # An MPO is a still JPEG with more pictures in tow (a depth or gain map): its first one counts.
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise PictureError("image_animated", "The picture is animated; send a still one.")


def _upright(image: Image.Image) -> Image.Image:
    """The picture turned as its camera says."""
    image.load()
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # browsers show a picture with broken EXIF data as it lies; so do we
        return image


def _plain(image: Image.Image) -> Image.Image:
    """8-bit RGB, nothing attached: no EXIF (it may tell a place), no profile, no text."""
    if image.mode.startswith("I"):  # 16-bit grey, which Pillow would clip instead of scale
        plain = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    elif image.has_transparency_data:
        cut_out = image.convert("RGBA")
        plain = Image.new("RGB", image.size, BACKGROUND)
        plain.paste(cut_out, mask=cut_out.getchannel("A"))
    else:
        plain = image.convert("RGB")
    plain.info = {}
    return plain
