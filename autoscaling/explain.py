"""Decisions in words, for the person they touch: what happens, why, and what would help."""

from collections.abc import Mapping
from math import ceil
from types import MappingProxyType
from typing import Final

from autoscaling.decisions import Admit, Decision, Defer, Reason, Shed

WHY: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        Reason.OPEN: "There is room for the {tier} tier",
        Reason.DRAWN: "The {tier} tier is busy, and your account is let in this hour",
        Reason.LIGHTER: "The {tier} tier is busy, and there is room for a lighter clip",
        Reason.BUSY: "More is asked for in the {tier} tier than can be made at once",
        Reason.TOO_FAR: "The {tier} tier is so busy that your clip would take too long to promise",
        Reason.TOO_MUCH: "As many clips are promised already as can be kept",
        Reason.NO_PROMISES: "More is asked for in the {tier} tier than can be made",
        Reason.ACCOUNT_FULL: "Your account has as many unfinished clips as the {tier} tier allows",
        Reason.NO_GPUS: "No GPU is ready",
        Reason.TIER_CLOSED: "The {tier} tier is closed for now",
        Reason.AWAY: "The scheduler does not answer at the moment",
        Reason.MODEL_CLOSED: "This model is closed for now",
        Reason.REGION_CLOSED: "Your region is closed for now",
    }
)


def explain(decision: Decision, tier: str, now: float) -> str:
    """Two sentences or three."""
    why = WHY[decision.reason].format(tier=tier)
    if isinstance(decision, Admit):
        made = f" It is made as {decision.variant}." if decision.variant else ""
        return f"{why}: your clip waits its turn.{made}"
    if isinstance(decision, Defer):
        made = f" as {decision.variant}" if decision.variant else ""
        wait = duration(decision.finish_by - now)
        return f"{why}. Your clip is kept{made}, and will be ready within {wait}; that stays so."
    return f"{why}. Try again in {duration(decision.retry_after_s)}.{_instead(decision)}"


def duration(seconds: float) -> str:
    """`40 seconds`, `12 minutes`, `1 hour 20 minutes`; rounded up, for a promise must hold."""
    if seconds < 90:
        return f"{max(2, ceil(seconds))} seconds"
    minutes = int(-(-seconds // 60))
    hours, rest = divmod(minutes, 60)
    if not hours:
        return f"{minutes} minutes"
    words = "1 hour" if hours == 1 else f"{hours} hours"
    return f"{words} {rest} minutes" if rest else words


def _instead(shed: Shed) -> str:
    if not shed.accepted_now:
        return ""
    return f" Accepted now: {', '.join(shed.accepted_now)}."
