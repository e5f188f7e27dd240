"""Clips that a request could become instead: smaller, in fewer steps, or both. Pure."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final, Literal

from pipelines.spec import ClipSpec, ModelLimits

Way = Literal["size", "steps"]
"""What a request may allow to be made less of."""
WAYS: Final[tuple[Way, ...]] = ("size", "steps")
MOST_SIZES: Final = 2


def lighter_specs(spec: ClipSpec, limits: ModelLimits) -> list[ClipSpec]:
    """At most five: the offered sizes below with the same orientation, the fewest sensible steps,
    and both together."""
    least = limits.light_steps or (limits.default_steps + 1) // 2
    steps = min(spec.steps, least)
    sizes = [(spec.width, spec.height), *_smaller(spec, limits.sizes)]
    return [
        replace(spec, width=width, height=height, steps=count)
        for width, height in sizes
        for count in dict.fromkeys((spec.steps, steps))
        if (width, height, count) != (spec.width, spec.height, spec.steps)
    ]


def ways_of(lighter: ClipSpec, spec: ClipSpec) -> frozenset[Way]:
    """In what it is less than what was asked for."""
    smaller = (lighter.width, lighter.height) != (spec.width, spec.height)
    ways: Iterable[tuple[Way, bool]] = (("size", smaller), ("steps", lighter.steps < spec.steps))
    return frozenset(way for way, differs in ways if differs)


def name_of(spec: ClipSpec) -> str:
    """In words that are fields as well: `512x288 with 12 steps`."""
    return f"{spec.width}x{spec.height} with {spec.steps} steps"


def _smaller(spec: ClipSpec, sizes: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The largest first."""
    pixels = spec.width * spec.height
    upright = _orientation(spec.width, spec.height)
    found = {(w, h) for w, h in sizes if w * h < pixels and _orientation(w, h) == upright}
    return sorted(found, key=lambda size: (-size[0] * size[1], size))[:MOST_SIZES]


def _orientation(width: int, height: int) -> int:
    return (width > height) - (width < height)
