"""How many GPUs to count on, by what gangs report."""

from collections.abc import Iterable

from serve.messages import GangStatus
from serve.models import OfferedModel


class Fleet:
    """The devices of all gangs that report. Where none does, as while the only one is replaced,
    those that were there last, or are to come, for `gone_after_s`; a smaller loss shows at once."""

    def __init__(self, *, expected: float, gone_after_s: float, now: float) -> None:
        self._gone_after_s = gone_after_s
        self._last = expected
        self._seen_at = now

    def gpus(self, gangs: Iterable[GangStatus], now: float) -> float:
        """To be told once a second; `now` in seconds."""
        if found := sum(gang.devices for gang in gangs):
            self._last, self._seen_at = float(found), now
        return self._last if now - self._seen_at <= self._gone_after_s else 0.0


def open_fleet(models: Iterable[OfferedModel], gone_after_s: float, now: float) -> Fleet:
    """Expecting the gangs that always run."""
    shapes = [gangs for model in models for gangs in model.settings.shapes]
    expected = sum(gangs.min * gangs.shape.world for gangs in shapes)
    return Fleet(expected=float(expected), gone_after_s=gone_after_s, now=now)
