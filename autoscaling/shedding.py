"""Who of a tier is turned aside: the same accounts for an hour, others in the next.

Trying again gains nothing, and nobody is always the one. All draw from the same hash, so what is
decided needs no memory and is the same at every Gateway.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

ROTATION_S: Final = 3600.0
DRAWS: Final = 2.0**64
JITTER_PART: Final = 1 / 12
"""Of an hour: so long after its beginning have all been told to come who are let in by it."""
FINE: Final = 2.0**20


@dataclass(frozen=True, slots=True, kw_only=True)
class SheddingRule:
    """Times in seconds. An hour is meant wherever the drawing of numbers is spoken of."""

    rotation_s: float = ROTATION_S
    """For so long the same accounts are turned aside."""
    session_s: float = 1_800.0
    """So long after a clip an account is still in the middle of something."""
    least_retry_s: float = 30.0
    """Nobody is told to come back sooner."""
    closed_retry_s: float = 3_600.0
    """When to ask again for what an operator has closed."""


def draw(account_id: str, now: float, rotation_s: float = ROTATION_S) -> float:
    """The account's number of this hour, from 0 to below 1: low ones are turned aside first."""
    key = f"{account_id}/{int(now // rotation_s)}".encode()
    return int.from_bytes(blake2b(key, digest_size=8).digest(), "big") / DRAWS


def next_draw_in_s(now: float, rotation_s: float = ROTATION_S) -> float:
    """Seconds until all accounts draw again."""
    return rotation_s - now % rotation_s


def jitter_s(number: float, rotation_s: float = ROTATION_S) -> float:
    """How long after the full hour somebody with this number comes: not all at one second."""
    return number * FINE % 1 * JITTER_PART * rotation_s


def part_aside(
    aside: Sequence[float], rank: int, *, continuing: bool = False, lighter: float = 1.0
) -> float:
    """The part of such requests of this tier that is turned aside.

    Of requests that continue a session about half as many, and of those that make do with a
    `lighter` part of the work, proportionally fewer; both matter less the closer the gate is to
    shut. But never fewer than in the tier above: its requests come first, whatever they are.
    """
    part = aside[rank]
    if continuing:
        part *= (1 + part) / 2
    part *= lighter + (1 - lighter) * part
    above = aside[rank + 1] if rank + 1 < len(aside) else 0.0
    return max(part, above)
