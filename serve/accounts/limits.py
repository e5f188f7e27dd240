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


def unfinished_jobs(limits: Limits, tier_most: int) -> int:
    """Jobs that wait, run or are promised; `tier_most` is what the policy allows the tier.

    With both limits on jobs it is their sum that counts, since whether a job already runs is a
    matter of milliseconds.
    """
    if limits.jobs_waiting is None or limits.jobs_at_once is None:
        return tier_most
    return min(tier_most, limits.jobs_waiting + limits.jobs_at_once)


def stated(overrides: Limits) -> dict[str, object]:
    """The limits that are stated, as plain values: null is stated too, and means no limit."""
    return overrides.model_dump(mode="json", exclude_unset=True)
