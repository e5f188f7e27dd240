"""Which gang a job gets, of those that are free."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeGangs:
    """Gangs of one shape that could start a job now, and the devices that each one holds."""

    shape: str
    devices: int
    num_free: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementRule:
    """More devices are faster and dearer: bought when nobody waits, or when time is short."""

    standard_devices: int = 1
    """Paid jobs get no gang with fewer: they wait, or another job gives way."""
    idle_drain_s: float = 40.0
    """With less than this let in, everybody gets the largest gang."""
    margin: float = 1.25
    """A smaller gang must leave this much room for what takes longer than predicted."""


def place(free: Sequence[FreeGangs]) -> FreeGangs | None:
    """The largest shape with a free gang; None when all are busy.

    A free gang's devices are paid for whether they work or not, and on the largest one the clip is
    done soonest. Ties fall to the shape's name, so that the choice is always the same.
    """
    able = [gangs for gangs in free if gangs.num_free > 0]
    return max(able, key=lambda gangs: (gangs.devices, gangs.shape), default=None)


def place_by_need(
    free: Sequence[FreeGangs],
    *,
    paid: bool,
    time_left_s: float,
    seconds_on: Callable[[int], float],
    drain_s: float,
    rule: PlacementRule,
) -> FreeGangs | None:
    """The gang for a job that has `time_left_s` and takes `seconds_on(devices)`.

    Paid jobs get the largest. Others do too while little waits; else the smallest on which they
    are in time, and failing that the largest. So an hour of slack is spent on cheap devices.
    """
    able = [gangs for gangs in free if gangs.num_free > 0]
    if paid:
        return place([gangs for gangs in able if gangs.devices >= rule.standard_devices])
    if drain_s < rule.idle_drain_s:
        return place(able)
    enough = [gangs for gangs in able if rule.margin * seconds_on(gangs.devices) <= time_left_s]
    if not enough:
        return place(able)
    return min(enough, key=lambda gangs: (gangs.devices, gangs.shape))
