"""What an operator has decided by hand, and what is written down about it. Pure values."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from autoscaling.gates import Switches


class Kind(StrEnum):
    """What a switch is about."""

    EVERYBODY = "everybody"  # all tiers at once: a drain
    TIER = "tier"  # one tier; closing it closes those below too
    MODEL = "model"
    REGION = "region"  # requests and sign-ups
    SIGN_UPS = "sign_ups"  # sign-ups of one region; those who have an account go on


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """One decision; times are Unix seconds."""

    kind: Kind
    name: str
    """Of the tier, model or region; empty for everybody."""
    rate: float
    """The part that may be let in at most; 0 is closed. Models and regions know nothing between."""
    who: str
    at: float
    why: str = ""
    until: float | None = None
    """When it ends by itself."""

    def holds(self, now: float) -> bool:
        """Whether it has not ended by itself."""
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    """Who did what, when and why; `before` and `after` are plain values, None for nothing."""

    at: float
    who: str
    act: str
    kind: str
    name: str
    why: str = ""
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


def act_of(switch: Switch | None) -> str:
    """The word for a change that leaves this switch behind."""
    if switch is None:
        return "open"
    return "close" if switch.rate <= 0 else "limit"


def values_of(switch: Switch | None) -> dict[str, Any] | None:
    """A switch as an audit line has it."""
    return None if switch is None else asdict(switch)


def as_switches(switches: Iterable[Switch]) -> Switches:
    """The decisions in force as the policy takes them."""
    by_kind: dict[Kind, dict[str, float]] = {kind: {} for kind in Kind}
    until = {}
    for switch in switches:
        by_kind[switch.kind][switch.name] = switch.rate
        if switch.until is not None and switch.kind is not Kind.SIGN_UPS:
            until[switch.kind.value, switch.name] = switch.until
    return Switches(
        rates=by_kind[Kind.TIER],
        everybody=min(by_kind[Kind.EVERYBODY].values(), default=1.0),
        closed_models=frozenset(by_kind[Kind.MODEL]),
        closed_regions=frozenset(by_kind[Kind.REGION]),
        until=until,
    )


def closed_to_newcomers(switches: Iterable[Switch]) -> frozenset[str]:
    """Regions that nobody may sign up from: what may not ask for clips needs no accounts."""
    return frozenset(
        switch.name for switch in switches if switch.kind in (Kind.REGION, Kind.SIGN_UPS)
    )
