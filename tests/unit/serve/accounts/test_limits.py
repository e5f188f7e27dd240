"""Which limits hold: the tier's, and the account's own in place of them."""

from serve.accounts.account import Account
from serve.accounts.limits import limits_of, stated, unfinished_jobs
from serve.settings.accounts import Limits

TIERS = {"new": Limits(jobs_waiting=2, max_seconds=4.0), "pro": Limits(price_multiplier=0.5)}


def account(tier: str, **own: object) -> Account:
    return Account(
        id="acct_1",
        name="ann",
        tier=tier,
        region=None,
        created_at=0.0,
        overrides=Limits.model_validate(own),
    )


def test_the_limits_of_the_tier() -> None:
    assert limits_of(account("new"), TIERS) == TIERS["new"]
    assert limits_of(account("pro"), TIERS).price_multiplier == 0.5


def test_a_tier_without_limits_has_none() -> None:
    assert limits_of(account("team"), TIERS) == Limits()


def test_own_limits_stand_in_place_of_the_tiers() -> None:
    limits = limits_of(account("new", jobs_waiting=9, models=("m",)), TIERS)
    assert limits == Limits(jobs_waiting=9, max_seconds=4.0, models=("m",))


def test_no_limit_can_be_stated_too() -> None:
    own = account("new", jobs_waiting=None)
    assert limits_of(own, TIERS).jobs_waiting is None
    assert stated(own.overrides) == {"jobs_waiting": None}


def test_no_limit_of_an_accounts_own_is_above_its_tiers() -> None:
    assert unfinished_jobs(Limits(), 20) == 20
    assert unfinished_jobs(Limits(jobs_waiting=5), 20) == 20
    assert unfinished_jobs(Limits(jobs_waiting=5, jobs_at_once=1), 20) == 6
    assert unfinished_jobs(Limits(jobs_waiting=100, jobs_at_once=1), 20) == 20
