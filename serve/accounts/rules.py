"""The rules of the house: what accounts may ask, how they rise, and who may have one."""

from collections.abc import Mapping
from dataclasses import dataclass

from serve.accounts.promotion import Promotion
from serve.settings import Settings
from serve.settings.accounts import Limits


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
    currency: str


def rules_of(settings: Settings) -> Rules:
    """The rules that the settings state."""
    return Rules(
        limits=settings.limits,
        promotion=_promotion(settings),
        new_tier=settings.new_tier,
        signup=settings.accounts.signup,
        signups_per_minute=settings.accounts.signups_per_minute,
        currency=settings.currency,
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
