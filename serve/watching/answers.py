"""What requests were told of late: whether those that a gate turns aside get promises, or nothing.

One more clip may just fit into what can be promised while most of them do not: what a tier finds
is told by what its requests were told.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import exp
from typing import Final

from autoscaling.decisions import Reason
from serve.messages import Answered

OF_THE_GATE: Final = frozenset(
    {Reason.TOO_FAR, Reason.TOO_MUCH, Reason.NO_PROMISES, Reason.NO_GPUS}
)
"""Why the gate has nothing for a request; all else is about one account, or an operator's doing."""
FORGOTTEN: Final = 0.5
"""So little of a request is left: nothing is known of the tier any more."""


@dataclass(slots=True)
class _Told:
    deferred: float = 0.0
    shed: float = 0.0


class RecentAnswers:
    """By tier; a request counts the less the longer it is ago."""

    def __init__(self, memory_s: float) -> None:
        """After `memory_s` a request counts a third."""
        self._memory_s = memory_s
        self._at = 0.0
        self._tiers: dict[str, _Told] = {}

    def answered(self, answers: Iterable[Answered], now: float) -> None:
        """What Gateways have told; `now` is of a clock that is not set back."""
        self._fade(now)
        for answer in answers:
            told = self._tiers.setdefault(answer.tier, _Told())
            if answer.outcome == "deferred":
                told.deferred += answer.requests
            elif answer.outcome == "shed" and answer.reason in OF_THE_GATE:
                # One person who asks all the time is turned away more often than there are people.
                told.shed += answer.requests if answer.counted is None else answer.counted

    def refused(self, now: float) -> Mapping[str, float]:
        """Of the requests that gates turned aside, the part that got no promise; by tier, without
        tiers of which there were none."""
        self._fade(now)
        return {
            tier: told.shed / asked
            for tier, told in self._tiers.items()
            if (asked := told.deferred + told.shed) > FORGOTTEN
        }

    def _fade(self, now: float) -> None:
        keep = exp(-max(0.0, now - self._at) / self._memory_s)
        self._at = now
        for told in self._tiers.values():
            told.deferred *= keep
            told.shed *= keep
