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

    @property
    def ahead_s(self) -> float:
        """Of the clock, for it was set back."""
        return self._ahead_s

    def not_before(self, time: float, now: float, ahead_s: float = 0.0) -> None:
        """Go on from the steady `time` of another process, which was `ahead_s` of the clock: what
        has passed since counts, unless the clock was set back meanwhile."""
        self._clock, self._ahead_s = now, max(ahead_s, time - now)
