"""Still pictures of a clip, as webp: one thumbnail, and a sheet of frames for scrubbing."""

import io
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Video = NDArray[np.uint8]
"""[frames, height, width, 3], RGB."""

THUMBNAIL_SIDE = 512
TILE_SIDE = 192
MAX_TILES = 25
QUALITY = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Spritesheet:
    """A webp grid of tiles, filled row by row from the top left; unused cells are black.

    Tile i shows frame `frames[i]`, at pixel (i % columns * tile_width, i // columns * tile_height).
    """

    blob: bytes
    columns: int
    rows: int
    tile_width: int
    tile_height: int
    frames: tuple[int, ...]


def thumbnail(video: Video, side: int = THUMBNAIL_SIDE) -> bytes:
    """The middle frame as webp, its longer side at most `side` pixels (never enlarged)."""
    _check(video)
    middle = Image.fromarray(np.ascontiguousarray(video[len(video) // 2]))
    return _webp(middle.resize(_within(middle.size, side), Image.Resampling.LANCZOS))


def spritesheet(video: Video, side: int = TILE_SIDE, max_tiles: int = MAX_TILES) -> Spritesheet:
    """Up to `max_tiles` evenly spaced frames, first and last included, in a near-square grid."""
    _check(video)
    picked = _evenly(len(video), max_tiles)
    columns = math.ceil(math.sqrt(len(picked)))
    rows = math.ceil(len(picked) / columns)
    tile_width, tile_height = _within((video.shape[2], video.shape[1]), side)
    sheet = Image.new("RGB", (columns * tile_width, rows * tile_height))
    for place, index in enumerate(picked):
        row, column = divmod(place, columns)
        frame = Image.fromarray(np.ascontiguousarray(video[index]))
        tile = frame.resize((tile_width, tile_height), Image.Resampling.LANCZOS)
        sheet.paste(tile, (column * tile_width, row * tile_height))
    return Spritesheet(
        blob=_webp(sheet),
        columns=columns,
        rows=rows,
        tile_width=tile_width,
        tile_height=tile_height,
        frames=picked,
    )


def _check(video: Video) -> None:
    if video.dtype != np.uint8 or video.ndim != 4 or video.shape[3] != 3 or 0 in video.shape:
        raise ValueError(
            f"a video is uint8 [frames, height, width, 3], got {video.dtype} {video.shape}"
        )


def _evenly(num_frames: int, most: int) -> tuple[int, ...]:
    """At most `most` distinct frame indices from 0 to the last: 17 frames, 5 -> 0 4 8 12 16."""
    if num_frames <= most:
        return tuple(range(num_frames))
    if most == 1:
        return (0,)
    return tuple(i * (num_frames - 1) // (most - 1) for i in range(most))


def _within(size: tuple[int, int], side: int) -> tuple[int, int]:
    """`size` shrunk, in proportion, until its longer side is at most `side`."""
    factor = min(1.0, side / max(size))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def _webp(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="WEBP", quality=QUALITY, method=4)
    return buffer.getvalue()
