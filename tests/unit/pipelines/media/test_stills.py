"""Thumbnails and spritesheets: which frames they show, where, and how large."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipelines.media.stills import Video, spritesheet, thumbnail


def levels(num_frames: int, height: int = 60, width: int = 100) -> Video:
    """Frame k is grey of level 5k."""
    grey = (5 * np.arange(num_frames) % 256).astype(np.uint8)
    return np.broadcast_to(grey[:, None, None, None], (num_frames, height, width, 3)).copy()


def opened(blob: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(blob))
    assert image.format == "WEBP"
    return image


def test_thumbnail_is_the_middle_frame_in_its_own_size() -> None:
    image = opened(thumbnail(levels(9)))
    assert image.size == (100, 60)
    assert np.asarray(image).mean() == pytest.approx(20, abs=2)


@pytest.mark.parametrize(
    ("height", "width", "size"),
    [(704, 1280, (512, 282)), (1280, 704, (282, 512)), (512, 512, (512, 512))],
)
def test_large_thumbnails_shrink_in_proportion(
    height: int, width: int, size: tuple[int, int]
) -> None:
    assert opened(thumbnail(levels(1, height, width))).size == size


def test_tiles_are_where_the_sheet_says() -> None:
    sheet = spritesheet(levels(49), side=50, max_tiles=12)
    assert (sheet.columns, sheet.rows) == (4, 3)
    assert (sheet.tile_width, sheet.tile_height) == (50, 30)
    assert (sheet.frames[0], sheet.frames[-1], len(sheet.frames)) == (0, 48, 12)
    image = np.asarray(opened(sheet.blob).convert("L"))
    assert image.shape == (90, 200)
    for place, frame in enumerate(sheet.frames):
        left, top = place % 4 * 50, place // 4 * 30
        tile = image[top + 5 : top + 25, left + 5 : left + 45]
        assert tile.mean() == pytest.approx(5 * frame, abs=4)


def test_short_clips_fill_what_they_can() -> None:
    sheet = spritesheet(levels(5), side=40)
    assert sheet.frames == (0, 1, 2, 3, 4)
    assert (sheet.columns, sheet.rows) == (3, 2)
    corner = np.asarray(opened(sheet.blob).convert("L"))[-10:, -20:]
    assert corner.max() < 8


@given(num_frames=st.integers(1, 400), most=st.integers(1, 25))
def test_sheet_frames_are_distinct_ordered_and_evenly_spaced(num_frames: int, most: int) -> None:
    sheet = spritesheet(np.zeros((num_frames, 2, 2, 3), np.uint8), max_tiles=most)
    gaps = np.diff(sheet.frames)
    assert len(sheet.frames) == min(num_frames, most)
    assert len(sheet.frames) <= sheet.columns * sheet.rows
    assert sheet.frames[0] == 0
    if len(gaps):
        assert sheet.frames[-1] == num_frames - 1
        assert gaps.min() >= 1
        assert gaps.max() - gaps.min() <= 1


def test_same_frames_give_the_same_bytes() -> None:
    assert thumbnail(levels(3)) == thumbnail(levels(3))
    assert spritesheet(levels(30)) == spritesheet(levels(30))


@pytest.mark.parametrize("video", [levels(0), levels(2)[0], levels(2).astype(np.float32)])
def test_what_is_no_video_is_refused(video: Video) -> None:
    for make in (thumbnail, spritesheet):
        with pytest.raises(ValueError, match="a video is uint8"):
            make(video)
