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
    """On a gang with fewer paid jobs begin only if they are in time there: else they wait, or
    another job gives way."""
    idle_drain_s: float = 40.0
    """With less than this let in, everybody gets the largest gang."""
    margin: float = 1.25
    """A smaller gang must leave this much room for what takes longer than predicted."""
    least_steps_between: int = 5
    """A job that goes on elsewhere has made so many steps where it is, and has as many to make."""
    least_gain_s: float = 10.0
    """What it must gain: to move is to store a checkpoint, and to encode the prompt again."""


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

    Paid jobs get the largest of standard size or more, else the largest on which they are in time;
    those that are late anyway any.
    Others get the largest while little waits; else the smallest on which they are in time, and
    failing that the largest. So an hour of slack is spent on cheap devices.
    """
    able = [gangs for gangs in free if gangs.num_free > 0]
    enough = [gangs for gangs in able if rule.margin * seconds_on(gangs.devices) <= time_left_s]
    if paid:
        late = seconds_on(rule.standard_devices) > time_left_s
        standard = [gangs for gangs in able if gangs.devices >= rule.standard_devices]
        return place(able if late else standard or enough)
    if drain_s < rule.idle_drain_s or not enough:
        return place(able)
    return min(enough, key=lambda gangs: (gangs.devices, gangs.shape))


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A running job: the devices it has, its steps on them, and its time from here on."""

    devices: int
    steps_here: int
    steps_left: int
    seconds_on: Callable[[int], float]


def place_higher(job: Progress, free: Sequence[FreeGangs], rule: PlacementRule) -> FreeGangs | None:
    """A larger free gang on which a running job should go on; None if it had better stay.

    For when nobody waits: at its next step boundary it is suspended and resumed there.
    """
    if min(job.steps_here, job.steps_left) < rule.least_steps_between:
        return None
    larger = place([gangs for gangs in free if gangs.devices > job.devices])
    if larger is None:
        return None
    gain_s = job.seconds_on(job.devices) - job.seconds_on(larger.devices)
    return larger if gain_s >= rule.least_gain_s else None
