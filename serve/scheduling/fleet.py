"""How many GPUs to count on, by what gangs report."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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

    def gpus(self, gangs: Sequence[GangStatus], now: float) -> float:
        """To be told once a second; `now` in seconds."""
        if found := sum(gang.devices for gang in gangs):
            self._last, self._seen_at = float(found), now
        self._seen_at = min(self._seen_at, now)  # the clock was set back
        return self._last if now - self._seen_at <= self._gone_after_s else self._waking


@dataclass(frozen=True, slots=True, kw_only=True)
class Strength:
    """The GPUs to count on, in all and for each model, and how many gangs each model has."""

    gpus: float
    by_model: Mapping[str, float]
    gangs: Mapping[str, int]


class Fleets:
    """One of all gangs together, and one for each model, whose gangs make no other's clips.

    Where some models are awake, those that sleep add nothing to the whole: they may need the same
    GPUs.
    """

    def __init__(self, whole: Fleet, by_model: Mapping[str, Fleet]) -> None:
        self._whole = whole
        self._by_model = by_model

    def strength(self, gangs: Sequence[GangStatus], now: float) -> Strength:
        """To be told once a second; `now` in seconds."""
        return Strength(
            gpus=self._whole.gpus(gangs, now),
            by_model={
                model: fleet.gpus([gang for gang in gangs if gang.model == model], now)
                for model, fleet in self._by_model.items()
            },
            gangs=Counter(gang.model for gang in gangs),
        )


def open_fleets(settings: Settings, now: float) -> Fleets:
    """Expecting the gangs that always run."""
    waking = waking_ranks(settings)
    always = {
        model.name: sum(gangs.min * gangs.shape.world for gangs in model.shapes)
        for model in settings.models
    }

    def fleet(expected: int, waking: int) -> Fleet:
        return Fleet(
            expected=float(expected or waking),
            gone_after_s=settings.policy.gone_after_s,
            now=now,
            waking=float(waking),
        )

    return Fleets(
        fleet(sum(always.values()), sum(waking.values())),
        {model: fleet(ranks, waking.get(model, 0)) for model, ranks in always.items()},
    )
