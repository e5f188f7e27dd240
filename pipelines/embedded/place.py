"""Where the embedded checkpoint lies; who only wants to find it needs no torch."""

from pathlib import Path
from typing import Final

WEIGHTS: Final = Path(__file__).parent / "weights"
"""A folder in diffusers format, part of every installation."""
