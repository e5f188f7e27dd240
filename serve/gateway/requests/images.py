"""The first frame of a clip: an upload, a URL or a data URL becomes a plain PNG of its size."""

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import unquote_to_bytes

from pipelines.media.pictures import encode_png, fit_picture, open_picture
from serve.gateway.requests.addresses import image_fault
from serve.gateway.requests.bodies import ImageSource
from serve.gateway.requests.fetching import PictureFetcher
from serve.gateway.requests.picture_turns import PictureTurns

MAX_PIXELS: Final = 50_000_000
"""Unfolded, such a picture takes 150 MB."""
PICTURES_AT_ONCE: Final = 2


class FirstFrames:
    """Fetches and reads pictures, a few at a time and of each account fewer, off the event loop."""

    def __init__(self, *, max_bytes: int, allow_private: bool) -> None:
        self._max_bytes = max_bytes
        self._fetcher = PictureFetcher(max_bytes=max_bytes, allow_private=allow_private)
        self._turns = PictureTurns()
        self._pool = ThreadPoolExecutor(PICTURES_AT_ONCE, thread_name_prefix="pictures")

    async def close(self) -> None:
        await self._fetcher.close()
        self._pool.shutdown(wait=False)

    @asynccontextmanager
    async def at_hand(self, source: ImageSource, account_id: str) -> AsyncIterator[ImageSource]:
        """The picture itself, fetched where a URL leads to it, for as long as the account's turn
        lasts. Raises `ApiError`."""
        async with self._turns.turn(account_id):
            if isinstance(source, str) and source.lstrip()[:5].lower() != "data:":
                source = await self._fetcher.fetch(source)
            yield source

    async def png(self, source: ImageSource, width: int, height: int) -> bytes:
        """A PNG of exactly `width` x `height`, from what is at hand.

        Raises `ApiError` or `PictureError` for what is no good picture.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._normalised, source, width, height)

    def _normalised(self, source: ImageSource, width: int, height: int) -> bytes:
        blob = data_url_content(source, self._max_bytes) if isinstance(source, str) else source
        picture = open_picture(blob, max_bytes=self._max_bytes, max_pixels=MAX_PIXELS)
        return encode_png(fit_picture(picture, width, height))


def data_url_content(url: str, max_bytes: int) -> bytes:
    """The bytes in `data:[<type>][;base64],<content>`; the type is not believed anyway.

    Raises `ApiError` (400); what is too large is refused before it is decoded.
    """
    head, comma, content = url.strip().partition(",")
    if not comma:
        raise image_fault("invalid_image_url", "The data URL has no content.")
    if not head.lower().endswith(";base64"):
        return unquote_to_bytes(content)
    if len(content) * 3 // 4 > max_bytes + 4:
        message = f"The picture is larger than {max_bytes} bytes."
        raise image_fault("image_too_large", message)
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        message = "The data URL's content is not valid base64."
        raise image_fault("invalid_image_url", message) from None
