"""Tiers: an order in which nobody above is worse off."""

from dataclasses import replace

import pytest

from autoscaling.tiers import DEFAULT_TIERS, Tier, Tiers

LOW = Tier(name="low", paid=False, closes_at=1.0, shut_at=2.0, slo_scale=10.0)
HIGH = Tier(name="high", paid=True, closes_at=2.0, shut_at=3.0, slo_scale=2.0)


def test_the_default_order() -> None:
    names = [tier.name for tier in DEFAULT_TIERS]
    assert names == ["new", "free", "plus", "pro", "team", "enterprise"]
    assert DEFAULT_TIERS.rank("pro") == 3


def test_an_unknown_tier_ranks_lowest() -> None:
    assert Tiers(ladder=(LOW, HIGH)).rank("gone") == 0


@pytest.mark.parametrize(
    "change",
    [
        {"paid": False},
        {"closes_at": 0.5},
        {"shut_at": 1.5, "closes_at": 1.2},
        {"max_promise_s": 1.0},
        {"max_outstanding": 1},
    ],
)
def test_a_higher_tier_is_never_worse_off(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="tier high is above low"):
        Tiers(ladder=(replace(LOW, paid=True), replace(HIGH, **change)))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"shut_at": 1.0}, "below shut_at"),
        ({"closes_at": 0.0}, "above 0"),
        ({"weight": 0.0}, "weight"),
        ({"slo_scale": -1.0}, "slo_scale"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(change: dict[str, float], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        replace(LOW, **change)


def test_no_tier_and_a_tier_twice_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Tiers(ladder=())
    with pytest.raises(ValueError, match="twice: low, low"):
        Tiers(ladder=(LOW, LOW))
