"""The operator's decisions as the policy and the sign-ups take them."""

from dataclasses import replace

from autoscaling.gates import Gates
from autoscaling.rules import Rules
from serve.jobs.switch import Kind, Switch, act_of, as_switches, closed_to_newcomers


def switch(kind: Kind, name: str = "", rate: float = 0.0) -> Switch:
    return Switch(kind=kind, name=name, rate=rate, who="ann", at=1_000.0)


def aside(*switches: Switch) -> tuple[float, ...]:
    rules = Rules()
    gates = Gates.open(len(rules.tiers))
    quiet = (0.0,) * len(rules.tiers)
    return gates.after(quiet, rules.tiers, 0.0, rules.gates, as_switches(switches)).aside


def test_closing_a_tier_closes_those_below() -> None:
    assert aside(switch(Kind.TIER, "plus")) == (1.0, 1.0, 1.0, 0.0, 0.0, 0.0)
    assert aside(switch(Kind.TIER, "free", 0.25)) == (0.75, 0.75, 0.0, 0.0, 0.0, 0.0)


def test_a_drain_closes_everything() -> None:
    assert aside(switch(Kind.EVERYBODY), switch(Kind.TIER, "new", 0.5)) == (1.0,) * 6


def test_without_a_switch_the_load_decides() -> None:
    assert aside() == (0.0,) * 6


def test_a_region_is_closed_to_requests_or_to_sign_ups_only() -> None:
    both = (switch(Kind.REGION, "kr"), switch(Kind.SIGN_UPS, "us"), switch(Kind.MODEL, "wan"))
    assert closed_to_newcomers(both) == {"kr", "us"}
    assert as_switches(both).closed_regions == {"kr"}
    assert as_switches(both).closed_models == {"wan"}


def test_it_is_told_when_a_switch_ends_by_itself() -> None:
    timed = [replace(switch(kind, "x"), until=2_000.0) for kind in Kind]
    assert as_switches(timed).until == {
        (kind, "x"): 2_000.0 for kind in ("everybody", "tier", "model", "region")
    }
    assert as_switches([switch(Kind.TIER, "x")]).until == {}


def test_changes_have_words() -> None:
    assert act_of(None) == "open"
    assert act_of(switch(Kind.TIER, "new")) == "close"
    assert act_of(switch(Kind.TIER, "new", 0.5)) == "limit"
