"""What can become of a request, and why: let in, later with a promise, or not now."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """Why a request was decided as it was; stable words for people and programs."""

    OPEN = "gate_open"  # nobody of the tier is turned aside
    DRAWN = "within_rate"  # the gate is closing, and this account is let in this hour
    LIGHTER = "lighter_accepted"  # let in as the lighter clip that the request allows
    BUSY = "tier_busy"  # turned aside this hour; a promise was made instead
    TOO_FAR = "promise_too_far"  # turned aside, and it could be ready only after the longest wait
    TOO_MUCH = "promises_full"  # turned aside, and as much as can be kept is promised already
    NO_PROMISES = "tier_shed"  # turned aside, and the tier gets no promises
    ACCOUNT_FULL = "account_full"  # the account has as many unfinished jobs as it may have
    NO_GPUS = "no_capacity"  # no gang is up
    TIER_CLOSED = "tier_closed"  # an operator closed the tier, or everything
    AWAY = "scheduler_away"  # nobody knows the load: the scheduler does not answer
    MODEL_CLOSED = "model_closed"  # an operator closed the model
    REGION_CLOSED = "region_closed"  # an operator closed the region


CLOSED: Final = frozenset({Reason.TIER_CLOSED, Reason.MODEL_CLOSED, Reason.REGION_CLOSED})
"""Reasons that an operator gave."""


class GateState(StrEnum):
    """What a tier's requests find now."""

    OPEN = "open"
    DEFERRING = "deferring"
    SHEDDING = "shedding"


@dataclass(frozen=True, slots=True, kw_only=True)
class Admit:
    """The job waits its turn from now on; `variant` is the lighter clip it became, if any."""

    reason: Reason
    variant: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Defer:
    """The job is kept and made from what others leave, by `finish_by` (Unix seconds) nine times
    in ten. That time never moves. `predicted_s` is what an uncorrected guess was."""

    reason: Reason
    finish_by: float
    predicted_s: float
    variant: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shed:
    """Not now. After `retry_after_s` the same request should be let in, if the load goes on as it
    does; `accepted_now` names the lighter variants that would be let in at once."""

    reason: Reason
    retry_after_s: float
    accepted_now: tuple[str, ...] = ()


Decision = Admit | Defer | Shed
