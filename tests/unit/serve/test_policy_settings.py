"""The policy's settings are its rules, tier by tier, and a mistake in them is named."""

import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from pydantic import BaseModel

from autoscaling.rules import Rules
from autoscaling.tiers import DEFAULT_TIERS
from serve.settings import Settings, SettingsError, load
from serve.settings.policy import Policy, TierPolicy

PAGE = Path(__file__).parents[3] / "docs" / "policy.md"


def rules_of(*tiers: str, **policy: object) -> Rules:
    values = {"tiers": tiers, "local_tier": tiers[-1], "policy": policy}
    return Settings.from_values(values).rules


def test_left_alone_they_are_the_rules_that_the_replay_was_tuned_with() -> None:
    assert Settings().rules == Rules()


def test_every_constant_of_a_rule_can_be_set() -> None:
    policy, rules = Policy(), Rules()
    for name in Rules.__dataclass_fields__:
        section = getattr(policy, name)
        if isinstance(section, BaseModel):
            assert section.model_dump() == asdict(getattr(rules, name)), name
    said = {"max_promise_s": 60.0, "least_target_s": 5.0}
    changed = rules_of("free", "pro", tiers={"free": said}, gates={"dwell_s": 2.0})
    assert (changed.tiers[0].max_promise_s, changed.tiers[0].least_target_s) == (60.0, 5.0)
    assert changed.gates.dwell_s == 2.0


def test_tiers_of_other_names_take_what_their_place_says() -> None:
    silver = rules_of("free", "silver", "pro").tiers[1]
    assert (silver.closes_at, silver.shut_at, silver.paid) == (2.0, 3.0, True)
    bronze, middle, gold = rules_of("bronze", "middle", "gold").tiers
    assert bronze.closes_at == DEFAULT_TIERS[0].closes_at
    assert gold.closes_at == DEFAULT_TIERS[-1].closes_at
    assert bronze.closes_at < middle.closes_at < gold.closes_at
    assert [tier.paid for tier in (bronze, middle, gold)] == [False, True, True]
    trial = rules_of("new", "trial", "free").tiers[1]
    assert (trial.paid, trial.closes_at, trial.max_outstanding) == (False, pytest.approx(0.85), 15)
    assert not rules_of("everybody").tiers[0].paid


def constants(section: BaseModel, prefix: str = "") -> Iterator[tuple[str, float]]:
    """Each key of the section, and of those in it, with its value."""
    for name, value in section:
        if isinstance(value, BaseModel):
            yield from constants(value, f"{prefix}{name}.")
        elif name != "tiers":
            yield f"{prefix}{name}", value


def test_docs_name_every_setting_with_its_default() -> None:
    table = PAGE.read_text(encoding="utf-8").partition("## Settings")[2]
    found = dict(re.findall(r"^\| `([a-z_.]*[a-z_])` \| (.+) \| .+ \|$", table, re.MULTILINE))
    tiers = {
        name: " | ".join(
            f"{value:g}" if name != "paid" else ("no", "yes")[value]
            for value in (getattr(tier, name) for tier in DEFAULT_TIERS)
        )
        for name in TierPolicy.model_fields
    }
    assert found == {key: f"{value:g}" for key, value in constants(Policy())} | tiers


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"SATURATION__DRAIN_TARGET_S": "0"}, "FILMGATE_POLICY__SATURATION__DRAIN_TARGET_S"),
        ({"TIERS": '{"free": {"slo_scale": -1}}'}, "FILMGATE_POLICY__TIERS__FREE__SLO_SCALE"),
        ({"TIERS": '{"fre": {"slo_scale": 1}}'}, "policy.tiers has fre, and tiers has new,"),
        ({"TIERS": '{"free": {"closes_at": 9, "shut_at": 10}}'}, "its closes_at must not be"),
        ({"TIERS": '{"plus": {"shut_at": 1}}'}, "tier plus: closes_at (2.0) must be above 0"),
        ({"GATES__DWEL_S": "1"}, "did you mean FILMGATE_POLICY__GATES__DWELL_S?"),
    ],
)
def test_a_mistake_is_told_with_its_key(
    variables: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"FILMGATE_POLICY__{name}", value)
    with pytest.raises(SettingsError) as refused:
        load(None)
    assert says in str(refused.value)
