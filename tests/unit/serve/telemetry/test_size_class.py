"""Clips by the class of their size."""

import pytest

from serve.telemetry.size_class import size_class


@pytest.mark.parametrize(
    ("width", "height", "name"),
    [
        (96, 64, "small"),
        (832, 480, "480p"),
        (480, 832, "480p"),
        (768, 512, "480p"),
        (1280, 704, "720p"),
        (1280, 720, "720p"),
        (1920, 1088, "1080p"),
        (1024, 1792, "1080p"),
        (3840, 2160, "larger"),
    ],
)
def test_the_shorter_side_decides(width: int, height: int, name: str) -> None:
    assert size_class(width, height) == name
