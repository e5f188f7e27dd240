"""Errors of one GPU by NVIDIA's numbers, as they were heard. Pure; `now` is of any clock."""

from typing import Final

OF_THE_PROGRAM: Final = (13, 31, 43, 45)
"""Errors that a program causes, not the device: of memory it does not own, or killed midway."""
HIDES_S: Final = 900.0
"""An error of the device often makes the program fail as well, with one of those: for so long they
are counted but do not take its place."""


class Xids:
    """None so far."""

    def __init__(self) -> None:
        self.count = 0
        self.last: int | None = None
        """The one to look up."""
        self._of_the_device_at = float("-inf")

    def heard(self, xid: int, now: float) -> None:
        """One more."""
        self.count += 1
        if xid not in OF_THE_PROGRAM:
            self._of_the_device_at = now
        elif now - self._of_the_device_at <= HIDES_S:
            return
        self.last = xid
