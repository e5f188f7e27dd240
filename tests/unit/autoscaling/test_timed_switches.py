"""What an operator closed for a while: whoever is turned aside by it is told until when."""

from dataclasses import replace

import pytest

from autoscaling.admission import decide, retry_after_s
from autoscaling.decisions import Reason, Shed
from autoscaling.gates import Switches
from autoscaling.tiers import DEFAULT_TIERS
from tests.unit.autoscaling.test_admission import CLIP, FLOOD, FULL, NOW, situation


def test_what_has_ended_is_left_out() -> None:
    lasting = Switches(rates={"new": 0.5}, closed_models=frozenset({"ltx"}))
    both = Switches(
        rates={"new": 0.5, "free": 0.0},
        everybody=0.25,
        closed_models=frozenset({"wan", "ltx"}),
        closed_regions=frozenset({"kr"}),
        until={("tier", "free"): 1.0, ("everybody", ""): 2.0, ("model", "wan"): 3.0}
        | {("region", "kr"): 4.0},
    )
    assert both.at(0.9) is both
    assert both.at(4.0) == lasting
    part_of = both.at(2.0)
    assert part_of.rates == {"new": 0.5}
    assert (part_of.everybody, part_of.rate("new")) == (1.0, 0.5)
    assert part_of.closed_models == {"wan", "ltx"}
    assert part_of.closed_regions == {"kr"}


def test_who_is_held_back_by_nobody_passes_at_once() -> None:
    switches = Switches(rates={"free": 0.5}, until={("tier", "free"): NOW})
    rank = CLIP.rank
    assert switches.lets_pass_at(0.4, rank, DEFAULT_TIERS) == NOW
    assert switches.lets_pass_at(0.6, rank, DEFAULT_TIERS) == float("-inf")
    assert switches.lets_pass_at(0.4, rank + 1, DEFAULT_TIERS) == float("-inf")


@pytest.mark.parametrize(
    ("switches", "reason"),
    [
        (Switches(rates={"free": 0.0}, until={("tier", "free"): NOW + 90}), Reason.TIER_CLOSED),
        (Switches(rates={"plus": 0.0}, until={("tier", "plus"): NOW + 90}), Reason.TIER_CLOSED),
        (Switches(everybody=0.0, until={("everybody", ""): NOW + 90}), Reason.TIER_CLOSED),
        (
            Switches(closed_models=frozenset({"wan"}), until={("model", "wan"): NOW + 90}),
            Reason.MODEL_CLOSED,
        ),
        (
            Switches(closed_regions=frozenset({"kr"}), until={("region", "kr"): NOW + 90}),
            Reason.REGION_CLOSED,
        ),
    ],
)
def test_what_an_operator_closed_for_a_while_is_told_to_end(
    switches: Switches, reason: Reason
) -> None:
    request = replace(CLIP, model="wan", region="kr")
    decision = decide(request, replace(situation(1.0), switches=switches), NOW)
    assert decision == Shed(reason=reason, retry_after_s=90.0)


def test_the_last_switch_to_end_is_what_counts() -> None:
    until = {("tier", "free"): NOW + 90, ("everybody", ""): NOW + 50_000}
    switches = Switches(rates={"free": 0.0}, everybody=0.0, until=until)
    decision = decide(CLIP, replace(situation(1.0), switches=switches), NOW)
    assert decision == Shed(reason=Reason.TIER_CLOSED, retry_after_s=50_000.0)
    stays = replace(switches, until={("tier", "free"): NOW + 90})
    decision = decide(CLIP, replace(situation(1.0), switches=stays), NOW)
    assert decision == Shed(reason=Reason.TIER_CLOSED, retry_after_s=3_600.0)


def test_whom_an_operator_holds_back_for_a_while_is_told_for_how_long() -> None:
    """Also where nothing drains: the load does not hold it back."""
    for load in (FULL, FLOOD):
        switches = Switches(rates={"free": 0.01}, until={("tier", "free"): NOW + 690})
        held = replace(situation(0.99, load), switches=switches)
        assert retry_after_s(CLIP, held, NOW + 600) == 90.0


def test_what_was_held_back_by_the_load_as_well_waits_for_both() -> None:
    switches = Switches(rates={"free": 0.01}, until={("tier", "free"): NOW + 690})
    held = replace(situation(0.99, FULL, level=1.3), switches=switches)
    free_of_it = replace(held, switches=Switches())
    assert retry_after_s(CLIP, held, NOW + 600) == max(
        90.0, retry_after_s(CLIP, free_of_it, NOW + 600)
    )
