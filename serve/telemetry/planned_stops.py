"""Gangs that are to go because fewer are wanted: they were not lost. Pure."""

from collections.abc import Mapping

Kind = tuple[str, str]
"""Model and shape."""


class PlannedStops:
    """None so far. Gangs fall silent some seconds after fewer are wanted, one after another."""

    def __init__(self) -> None:
        self._wanted: dict[Kind, int] = {}
        self._due: dict[Kind, int] = {}

    def wanted(self, wanted: Mapping[Kind, int], reporting: Mapping[Kind, int]) -> None:
        """So many of each kind there should be now, and so many report.

        More reporting than wanted is no plan in itself: one that died still counts while another
        has come in its place.
        """
        for kind, count in wanted.items():
            fewer = self._wanted.get(kind, count) - count
            too_many = max(0, reporting.get(kind, 0) - count)
            self._due[kind] = min(max(0, self._due.get(kind, 0) + fewer), too_many)
        self._wanted.update(wanted)

    def lost(self, kind: Kind, gone: int) -> int:
        """How many of those of a kind that are gone were not to go."""
        planned = min(gone, self._due.get(kind, 0))
        self._due[kind] = self._due.get(kind, 0) - planned
        return gone - planned
