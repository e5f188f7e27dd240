"""Which limits hold for an account: those of its tier, and its own where it has some. Pure."""

from collections.abc import Mapping
from typing import Final

from serve.accounts.account import Account
from serve.settings.accounts import Limits

NO_LIMITS: Final = Limits()


def limits_of(account: Account, tiers: Mapping[str, Limits]) -> Limits:
    """What the account may ask; `tiers` are the settings' limits by tier."""
    limits, own = tiers.get(account.tier, NO_LIMITS), account.overrides
    if not own.model_fields_set:
        return limits
    return limits.model_copy(update={name: getattr(own, name) for name in own.model_fields_set})


def stated(overrides: Limits) -> dict[str, object]:
    """The limits that are stated, as plain values: null is stated too, and means no limit."""
    return overrides.model_dump(mode="json", exclude_unset=True)
