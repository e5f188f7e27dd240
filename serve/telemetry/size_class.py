"""Sizes of clips in a few classes, as labels want them."""

from typing import Final

BELOW: Final = ((432, "small"), (608, "480p"), (900, "720p"), (1200, "1080p"))
"""By the shorter side: models ask for 704 or 768 lines where people say 720p."""


def size_class(width: int, height: int) -> str:
    """The class of a clip; 832x480 and 480x832 are of the same."""
    lines = min(width, height)
    return next((name for below, name in BELOW if lines < below), "larger")
