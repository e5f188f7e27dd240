"""A new account rises when it is old enough and has had clips; no other one does."""

from dataclasses import replace

from serve.accounts.account import Account
from serve.accounts.promotion import Promotion
from serve.accounts.rules import rules_of
from serve.settings import Settings

RULE = Promotion(tier="new", to="free", after_s=100.0, after_clips=3)
NEW = Account(id="acct_1", name="ann", tier="new", region=None, created_at=1_000.0)


def test_age_and_clips_are_both_needed() -> None:
    assert RULE.due(NEW, 1_100.0, 3)
    assert not RULE.due(NEW, 1_099.9, 3)
    assert not RULE.due(NEW, 1_100.0, 2)


def test_clips_are_worth_counting_for_old_new_accounts_only() -> None:
    assert RULE.may_be_due(NEW, 1_100.0)
    assert not RULE.may_be_due(NEW, 1_000.0)
    assert not RULE.may_be_due(replace(NEW, tier="plus"), 9_000.0)


def test_the_rule_of_a_fresh_install() -> None:
    rules = rules_of(Settings.from_values({}))
    assert rules.promotion == Promotion(tier="new", to="free", after_s=7 * 86_400.0, after_clips=3)
    assert (rules.new_tier, rules.signup, rules.limits) == ("new", False, {})


def test_other_tiers_have_no_rule_unless_they_state_one() -> None:
    tiers = {"tiers": ["basic", "paid"], "local_tier": "paid"}
    assert rules_of(Settings.from_values(tiers)).promotion is None
    stated = Settings.from_values({**tiers, "accounts": {"promoted_to": "paid"}})
    promotion = rules_of(stated).promotion
    assert promotion is not None
    assert (promotion.tier, promotion.to) == ("basic", "paid")
    nobody = Settings.from_values({"accounts": {"promoted_to": None}})
    assert rules_of(nobody).promotion is None
