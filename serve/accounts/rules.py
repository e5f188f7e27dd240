"""The rules of the house: what accounts may ask, how they rise, and who may have one."""

from collections.abc import Mapping
from dataclasses import dataclass

from autoscaling.newcomers import SignUpRule
from serve.accounts.promotion import Promotion
from serve.settings import Settings
from serve.settings.accounts import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """How newcomers come in."""

    gate: bool
    """Whether they wait while no GPUs are to spare for them."""
    burst: float
    """Entries that there are from the start, and that may be saved up."""
    max_waiting: int
    claim_within_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the settings say of accounts, as those who keep to it need it."""

    limits: Mapping[str, Limits]
    """By tier; a tier that is not there has none."""
    promotion: Promotion | None
    """None: nobody rises by himself."""
    new_tier: str
    """Of those who sign up."""
    signup: bool
    signups_per_minute: int
    signups_per_address: int
    currency: str
    door: Door

    def sign_up_rule(self, closed: frozenset[str]) -> SignUpRule:
        """The same as the policy takes it; `closed` are regions."""
        return SignUpRule(enabled=self.signup, least_burst=self.door.burst, closed_regions=closed)


def rules_of(settings: Settings) -> Rules:
    """The rules that the settings state."""
    return Rules(
        limits=settings.limits,
        promotion=_promotion(settings),
        new_tier=settings.new_tier,
        signup=settings.accounts.signup,
        signups_per_minute=settings.accounts.signups_per_minute,
        signups_per_address=settings.accounts.signups_per_address,
        currency=settings.currency,
        door=Door(
            gate=settings.accounts.gate,
            burst=settings.accounts.gate_burst,
            max_waiting=settings.accounts.max_waitlist,
            claim_within_s=settings.accounts.claim_within_s,
        ),
    )


def _promotion(settings: Settings) -> Promotion | None:
    if settings.promoted_to is None:
        return None
    return Promotion(
        tier=settings.new_tier,
        to=settings.promoted_to,
        after_s=settings.accounts.promoted_after_s,
        after_clips=settings.accounts.promoted_after_clips,
    )
