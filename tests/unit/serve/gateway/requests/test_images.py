"""First frames: data URLs, and any picture as a plain PNG of the clip's size."""

import base64
import io

import pytest
from PIL import Image

from pipelines.media.pictures import PictureError
from serve.gateway.errors import ApiError
from serve.gateway.requests.images import FirstFrames, data_url_content

MAX_BYTES = 10_000


def jpeg(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (0, 90, 200)).save(buffer, format="JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("url", "content"),
    [
        ("data:image/png;base64,aGVsbG8=", b"hello"),
        ("DATA:image/png;charset=x;BASE64,aGVsbG8=", b"hello"),
        (" data:;base64,aGVsbG8= ", b"hello"),
        ("data:,a%20b", b"a b"),
        ("data:image/png;base64,", b""),
    ],
)
def test_data_urls(url: str, content: bytes) -> None:
    assert data_url_content(url, MAX_BYTES) == content


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("data:image/png;base64", "invalid_image_url"),
        ("data:image/png;base64,aGVsbG8", "invalid_image_url"),
        ("data:image/png;base64,a b", "invalid_image_url"),
        ("data:image/png;base64,ä===", "invalid_image_url"),
        ("data:image/png;base64," + "A" * 20_000, "image_too_large"),
    ],
)
def test_what_is_no_data_url(url: str, code: str) -> None:
    with pytest.raises(ApiError) as caught:
        data_url_content(url, MAX_BYTES)
    assert (caught.value.status, caught.value.code) == (400, code)


async def test_any_picture_becomes_a_plain_png_of_the_clips_size() -> None:
    frames = FirstFrames(max_bytes=MAX_BYTES, allow_private=False)
    upload = jpeg(90, 30)
    data_url = "data:text/plain;base64," + base64.b64encode(upload).decode()
    for source in (upload, data_url):
        image = Image.open(io.BytesIO(await frames.png(source, 64, 32)))
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (64, 32))
        assert image.getpixel((0, 0)) == image.getpixel((63, 31))
    await frames.close()


async def test_what_is_no_picture() -> None:
    frames = FirstFrames(max_bytes=MAX_BYTES, allow_private=False)
    for source, code in (
        (b"", "image_unsupported"),
        (jpeg(64, 64)[:200], "image_damaged"),
        (jpeg(64, 64) + b"\0" * MAX_BYTES, "image_too_large"),
    ):
        with pytest.raises(PictureError) as caught:
            await frames.png(source, 64, 32)
        assert caught.value.code == code
    await frames.close()


async def test_what_is_at_hand_need_not_be_fetched() -> None:
    frames = FirstFrames(max_bytes=MAX_BYTES, allow_private=False)
    for source in (b"upload", " DATA:,a%20b"):
        async with frames.at_hand(source, "ann") as picture:
            assert picture == source
    with pytest.raises(ApiError) as caught:
        async with frames.at_hand("http://127.0.0.1/a.png", "ann"):
            pytest.fail("it may not be fetched")
    assert caught.value.code == "image_url_forbidden"
    await frames.close()
