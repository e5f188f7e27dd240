"""The scenarios S0 to S9: how much is asked for, by whom, and what breaks meanwhile."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import cos, pi
from typing import Final

HOUR: Final = 3600.0
RAMP_S: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Surge:
    """For some hours tiers ask for a multiple of what they usually do, after a ramp of minutes."""

    begins_h: float
    ends_h: float
    factors: Mapping[str, float]

    def factor(self, tier: str, at_s: float) -> float:
        times = self.factors.get(tier, 1.0)
        since_s = at_s - self.begins_h * HOUR
        if since_s < 0 or at_s >= self.ends_h * HOUR:
            return 1.0
        return 1 + (times - 1) * min(1.0, since_s / RAMP_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A part of the GPUs is gone for some hours."""

    begins_h: float
    ends_h: float
    part: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Arrivals come for `hours`; the replay goes on until all of them are done."""

    name: str
    about: str
    load: float
    """Asked for on average, as a part of what single GPUs could do."""
    hours: float = 12.0
    gpus: int = 16
    daily: float = 0.0
    """Amplitude of the day's wave, whose peak is at hour 4."""
    spread: float = 0.2
    """Of the logarithm of a factor that each hour draws: how restless the hours are."""
    square: float = 1.0
    """Every second quarter of an hour asks for this many times more."""
    surges: tuple[Surge, ...] = ()
    outage: Outage | None = None
    retries: int = 0
    """How often who was shed tries again, after 30 s."""
    hog: float = 0.0
    """Part of all requests that one free account sends."""
    cost_error: float = 0.1
    """Of the logarithm of true over predicted cost."""
    slow_part: float = 0.0
    """Part of the jobs that take twice as long as predicted."""
    flexible: float = 0.0
    """Part of the jobs that may be made lighter."""

    def rate_factor(self, tier: str, at_s: float) -> float:
        """Of the tier's usual rate, without the hours' own factors."""
        wave = 1 + self.daily * cos(2 * pi * (at_s / HOUR - 4) / 24)
        high = self.square if int(at_s // 900) % 2 else 1.0
        factor = wave * high * 2 / (1 + self.square)
        for surge in self.surges:
            factor *= surge.factor(tier, at_s)
        return factor


CALM: Final = Scenario(name="S0", about="calm: 0.6 of the GPUs", load=0.6)
FLASH_X10: Final = Scenario(
    name="S4x10",
    about="flash crowd: new users x10, free x2.5 for two hours, twice what the GPUs can do",
    load=0.6,
    daily=0.25,
    surges=(Surge(begins_h=3, ends_h=5, factors={"new": 10.0, "free": 2.5}),),
)
ALL: Final = (
    CALM,
    Scenario(name="S1", about="steady: 0.9 of the GPUs", load=0.9),
    Scenario(name="S2", about="square wave: x2 every other quarter of an hour", load=0.8, square=2),
    Scenario(name="S3", about="day and night x3, restless hours", load=0.6, daily=0.5, spread=0.85,
             hours=24.0),
    replace(
        FLASH_X10,
        name="S4x4",
        about="flash crowd: new users x4 for two hours, as much as the GPUs can do",
        surges=(Surge(begins_h=3, ends_h=5, factors={"new": 4.0}),),
    ),
    FLASH_X10,
    replace(
        FLASH_X10,
        name="S5",
        about="S4x10, and a quarter of the GPUs is lost at its peak",
        outage=Outage(begins_h=3.5, ends_h=6.0, part=0.25),
    ),
    replace(
        FLASH_X10, name="S6", about="S4x10, and who is shed tries three times more", retries=3
    ),
    replace(CALM, name="S7", about="a free account sends 30 % of all requests", load=0.9, hog=0.3),
    replace(
        FLASH_X10, name="S4light", about="S4x10, and a third may be made lighter", flexible=1 / 3
    ),
    replace(FLASH_X10, name="S8", about="S4x10 and the reopening after it", hours=20.0),
    Scenario(
        name="S9",
        about="paid tiers x2 for two hours",
        load=0.75,
        surges=(Surge(begins_h=3, ends_h=5, factors={"plus": 2.0, "pro": 2.0}),),
    ),
)  # fmt: skip


def scenario(name: str) -> Scenario:
    """By its name; `S4` is S4x10. Raises `ValueError` with those there are."""
    wanted = "S4x10" if name == "S4" else name
    for each in ALL:
        if each.name == wanted:
            return each
    known = ", ".join(each.name for each in ALL)
    raise ValueError(f"there is no scenario {name}; there are {known}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """What a tier usually asks for."""

    tier: str
    part: float
    """Of all requests in calm hours."""
    sizes: tuple[float, float, float]
    """Parts that are small, medium, large."""


MIXES: Final = (
    Mix(tier="new", part=0.20, sizes=(0.85, 0.15, 0.0)),
    Mix(tier="free", part=0.45, sizes=(0.70, 0.30, 0.0)),
    Mix(tier="plus", part=0.27, sizes=(0.45, 0.45, 0.10)),
    Mix(tier="pro", part=0.08, sizes=(0.30, 0.50, 0.20)),
)
