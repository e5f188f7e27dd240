"""Time that never goes back, made of a clock that may be set: what fades goes by it.

Worked numbers: a clock that is set from 15:00 back to 14:00 is an hour behind; 14:01 is then 15:01,
and a gate that may not move for two minutes waits for these, not for an hour and two minutes.
"""

from typing import Final

LEAST_STEP_S: Final = 30.0
"""Who looked a moment earlier, and tells later, has set no clock."""


class Steady:
    """`now` is what the clock says, in seconds."""

    def __init__(self, now: float) -> None:
        self._clock = now
        self._ahead_s = 0.0

    def at(self, now: float) -> float:
        """The steady time of that moment, or of the latest one before it."""
        if now < self._clock - LEAST_STEP_S:
            self._ahead_s += self._clock - now
            self._clock = now
        self._clock = max(self._clock, now)
        return self._clock + self._ahead_s

    def not_before(self, time: float, now: float) -> None:
        """Go on from the steady `time` of another process, whatever its clock said."""
        self._clock, self._ahead_s = now, max(0.0, time - now)
