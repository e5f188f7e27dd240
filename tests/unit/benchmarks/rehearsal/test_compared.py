"""The rehearsal beside the replay."""

from dataclasses import replace

from autoscaling.replay.measures import Result, measure
from benchmarks.rehearsal.compared import policy_rows, tier_rows, widest
from benchmarks.rehearsal.outcome import record_of
from tests.unit.benchmarks.rehearsal.stage_play import OVER

HERE = measure(record_of(OVER), 2)


def shifted(tier: str, measured: str, by: float) -> Result:
    tiers = {name: dict(values) for name, values in HERE.tiers.items()}
    tiers[tier][measured] += by
    return replace(HERE, tiers=tiers)


def test_the_widest_difference_is_found_whatever_its_sign() -> None:
    assert widest(HERE, HERE)[0] == 0
    points, where = widest(HERE, shifted("new", "slo_promise", 0.25))
    assert (round(points), where) == (25, "new, on time by promise")


def test_each_tier_is_told_on_both_clocks() -> None:
    rows = list(tier_rows(HERE, shifted("pro", "slo_arrival", -0.5)))
    assert [row.what for row in rows] == [
        f"{tier}: {clock}"
        for tier in ("new", "pro")
        for clock in ("on time by arrival", "on time by promise")
    ]
    assert rows[2].note == "replay 50.0, +50.0 points"


def test_what_is_promised_of_the_policy_is_told() -> None:
    rows = {row.what: row for row in policy_rows(HERE, HERE)}
    assert rows["promises kept"].value == 100
    assert rows["paid jobs shed while lower ones came in"].value == 0
    assert rows["new: the gate moved"].value == 1.5
