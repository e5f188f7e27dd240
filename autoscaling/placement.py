"""Which gang a job gets, of those that are free."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeGangs:
    """Gangs of one shape that could start a job now, and the devices that each one holds."""

    shape: str
    devices: int
    num_free: int


def place(free: Sequence[FreeGangs]) -> FreeGangs | None:
    """The largest shape with a free gang; None when all are busy.

    A free gang's devices are paid for whether they work or not, and on the largest one the clip is
    done soonest. Ties fall to the shape's name, so that the choice is always the same.
    """
    able = [gangs for gangs in free if gangs.num_free > 0]
    return max(able, key=lambda gangs: (gangs.devices, gangs.shape), default=None)
