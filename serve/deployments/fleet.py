"""How many GPUs to count on, by what gangs report."""

from collections.abc import Iterable

from serve.messages import GangStatus
from serve.pools import waking_ranks
from serve.settings import Settings


class Fleet:
    """The devices of all gangs that report. Where none does, as while the only one is replaced,
    those that were there last, or are to come, for `gone_after_s`; a smaller loss shows at once.
    After that, those that come up as soon as they are asked for."""

    def __init__(
        self, *, expected: float, gone_after_s: float, now: float, waking: float = 0.0
    ) -> None:
        self._waking = waking
        self._gone_after_s = gone_after_s
        self._last = expected
        self._seen_at = now

    def gpus(self, gangs: Iterable[GangStatus], now: float) -> float:
        """To be told once a second; `now` in seconds."""
        if found := sum(gang.devices for gang in gangs):
            self._last, self._seen_at = float(found), now
        self._seen_at = min(self._seen_at, now)  # the clock was set back
        return self._last if now - self._seen_at <= self._gone_after_s else self._waking


def open_fleet(settings: Settings, now: float) -> Fleet:
    """Expecting the gangs that always run."""
    shapes = [gangs for model in settings.models for gangs in model.shapes]
    waking = float(waking_ranks(settings))
    expected = float(sum(gangs.min * gangs.shape.world for gangs in shapes))
    return Fleet(
        expected=expected or waking,
        gone_after_s=settings.policy.gone_after_s,
        now=now,
        waking=waking,
    )
