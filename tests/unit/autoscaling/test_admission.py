"""The ladder: at once, lighter, deferred, shed; and a time to come back that is true."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaling.admission import (
    Request,
    Situation,
    Variant,
    decide,
    gate_state,
    retry_after_s,
    shuts_out,
)
from autoscaling.decisions import Admit, Defer, GateState, Reason, Shed
from autoscaling.gates import Gate, Gates, Switches
from autoscaling.load import Load, TierLoad
from autoscaling.promises import PromiseRule, Stretch, Wish
from autoscaling.rules import Rules
from autoscaling.shedding import draw
from tests.unit.autoscaling.loads import NUM_TIERS, RANKS, load_of, loads

RULES = Rules()
NOW = 7_200.0
CLIP = Request(account_id="ann", rank=RANKS["free"], gpu_s=150.0, standalone_s=40.0)
SMALL = Variant(name="480p", gpu_s=15.0, standalone_s=4.0, allowed=True)
EMPTY = load_of()
FULL = load_of(free=TierLoad(promised_gpu_s=1e9))
"""So much is promised that no more can be."""
FLOOD = load_of(
    free=TierLoad(promised_gpu_s=1e9, offered_gpu_s_per_s=10.0),
    plus=TierLoad(offered_gpu_s_per_s=10.0),
)
"""More is asked for than can be made, hour after hour."""


def situation(part: float = 0.0, load: Load = EMPTY, level: float = 0.0) -> Situation:
    """For free and new users the same."""
    rest = NUM_TIERS - 2
    return Situation(
        load=load,
        levels=(level,) * NUM_TIERS,
        aside=(part, part, *[0.0] * rest),
        stretch=Stretch(),
        rules=RULES,
    )


def test_an_open_gate_lets_everybody_in() -> None:
    assert decide(CLIP, situation(), NOW) == Admit(reason=Reason.OPEN)


def test_whoever_is_shut_out_is_so_whatever_is_asked_for() -> None:
    free = RANKS["free"]
    full = replace(situation(1.0, FULL), models={"a": FULL, "b": FULL})
    shed = shuts_out("ann", free, full, NOW)
    assert shed == decide(replace(CLIP, model="b"), full, NOW)
    one_has_room = replace(full, models={"a": FULL, "b": EMPTY})
    assert shuts_out("ann", free, one_has_room, NOW) is None
    assert shuts_out("ann", free, situation(0.9, FULL), NOW) is None


@pytest.mark.parametrize("models", ["ab", "ba"])
def test_whoever_is_shut_out_is_told_of_what_has_room_first(models: str) -> None:
    """Not of the model that an operator closed for a day, or for a minute."""
    full = replace(situation(1.0, FULL), models=dict.fromkeys(models, FULL))
    for closed_s in (86_400.0, 60.0):
        until = {("model", "a"): NOW + closed_s}
        closed = replace(full, switches=Switches(closed_models=frozenset("a"), until=until))
        shed = shuts_out("ann", RANKS["free"], closed, NOW)
        assert shed == decide(replace(CLIP, model="b"), closed, NOW)
    all_closed = replace(closed, switches=replace(closed.switches, closed_models=frozenset("ab")))
    shed = shuts_out("ann", RANKS["free"], all_closed, NOW)
    assert shed == Shed(reason=Reason.MODEL_CLOSED, retry_after_s=60.0)


def test_who_is_turned_aside_gets_a_promise() -> None:
    decision = decide(CLIP, situation(1.0), NOW)
    assert isinstance(decision, Defer)
    assert decision.finish_by == NOW + 400.0


def test_where_nothing_can_be_promised_it_is_not_now() -> None:
    decision = decide(CLIP, situation(1.0, FULL), NOW)
    assert isinstance(decision, Shed)
    assert decision.reason is Reason.TOO_MUCH


def test_a_lighter_clip_is_made_before_anything_is_denied() -> None:
    part = draw(CLIP.account_id, NOW) + 1e-3
    request = replace(CLIP, lighter=(SMALL,))
    assert decide(request, situation(part), NOW) == Admit(reason=Reason.LIGHTER, variant="480p")


def test_one_that_the_request_does_not_allow_is_only_named() -> None:
    part = draw(CLIP.account_id, NOW) + 1e-3
    request = replace(CLIP, lighter=(replace(SMALL, allowed=False),))
    decision = decide(request, situation(part, FULL), NOW)
    assert isinstance(decision, Shed)
    assert decision.accepted_now == ("480p",)


def test_a_lighter_clip_may_be_promised_where_the_whole_one_may_not() -> None:
    nearly_full = load_of(free=TierLoad(promised_gpu_s=16 * 4 * 3600.0 - 100.0))
    rules = replace(
        RULES, promises=PromiseRule(first_stretch=0.1, least_stretch=0.1, in_reserve=0.0)
    )
    sight = replace(situation(1.0, nearly_full), rules=rules)
    decision = decide(replace(CLIP, lighter=(SMALL,)), sight, NOW)
    assert isinstance(decision, Defer)
    assert decision.variant == "480p"


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (replace(CLIP, model="large"), Reason.MODEL_CLOSED),
        (replace(CLIP, region="mars"), Reason.REGION_CLOSED),
        (replace(CLIP, outstanding=20), Reason.ACCOUNT_FULL),
    ],
)
def test_what_no_gate_has_a_say_in(request_: Request, why: Reason) -> None:
    switches = Switches(closed_models=frozenset({"large"}), closed_regions=frozenset({"mars"}))
    decision = decide(request_, replace(situation(), switches=switches), NOW)
    assert isinstance(decision, Shed)
    assert decision.reason is why


@pytest.mark.parametrize(
    "switches",
    [Switches(rates={"free": 0.0}), Switches(rates={"plus": 0.0}), Switches(everybody=0.0)],
)
def test_who_is_closed_by_an_operator_gets_no_promise(switches: Switches) -> None:
    sight = replace(situation(1.0), switches=switches)
    assert decide(CLIP, sight, NOW) == Shed(reason=Reason.TIER_CLOSED, retry_after_s=3_600.0)
    assert gate_state(CLIP.rank, sight, Wish(gpu_s=150.0, standalone_s=40.0)) is GateState.SHEDDING


def test_closing_a_tier_leaves_those_above_alone() -> None:
    sight = replace(situation(), switches=Switches(rates={"new": 0.0}))
    assert decide(CLIP, sight, NOW) == Admit(reason=Reason.OPEN)


def test_whom_an_operator_holds_back_comes_again_at_the_full_hour() -> None:
    held = replace(situation(0.99, FULL), switches=Switches(rates={"free": 0.01}))
    wait_s = retry_after_s(CLIP, held, 600.0)
    assert wait_s > 3_000.0
    assert (600.0 + wait_s) % 3_600 <= 300.0


def test_the_state_of_a_gate() -> None:
    typical = Wish(gpu_s=150.0, standalone_s=40.0)
    states = [
        gate_state(RANKS["free"], sight, typical)
        for sight in (situation(), situation(0.5), situation(0.5, FULL))
    ]
    assert states == [GateState.OPEN, GateState.DEFERRING, GateState.SHEDDING]


def test_where_no_gang_is_up_everybody_asks_again_within_minutes() -> None:
    """A gang may be up a minute later; not all come back at once."""
    nothing = situation(1.0, load_of(gpus=0.0))
    sheds = [decide(replace(CLIP, account_id=str(n)), nothing, NOW) for n in range(20)]
    waits = [shed.retry_after_s for shed in sheds if isinstance(shed, Shed)]
    assert [shed.reason for shed in sheds] == [Reason.NO_GPUS] * 20
    assert 60.0 <= min(waits) < max(waits) <= 120.0


def test_while_nobody_is_let_in_an_account_asks_again_in_the_next_hour() -> None:
    decision = decide(CLIP, situation(1.0, FLOOD), NOW + 600)
    assert isinstance(decision, Shed)
    assert 3_000.0 <= decision.retry_after_s <= 3_300.0


@pytest.mark.parametrize("part", [0.3, 0.5, 0.9])
@pytest.mark.parametrize("continuing", [False, True])
def test_in_a_flood_each_is_told_the_first_hour_in_which_it_is_let_in(
    part: float, continuing: bool
) -> None:
    sight, now, told = situation(part, FLOOD), NOW + 600, []
    for number in range(300):
        request = replace(CLIP, account_id=f"acct_{number}", continuing=continuing)
        decision = decide(request, sight, now)
        if not isinstance(decision, Shed):
            continue
        told.append(now + decision.retry_after_s)
        hour = int(told[-1] // 3_600)
        draws = [draw(request.account_id, 3_600.0 * each) for each in range(3, hour + 1)]
        if any(each >= part for each in draws):
            # A second later, as whole seconds are told; and its session is long over.
            back = decide(replace(request, continuing=False), sight, told[-1] + 1)
            assert isinstance(back, Admit)
            assert [each >= part for each in draws].index(True) == len(draws) - 1
        else:
            assert hour == 3, "in none within a day"
    assert len({at // 3_600 for at in told}) > 1
    assert len(set(told)) == len(told), "not all at the same second"
    assert max(at % 3_600 for at in told) <= 300.0


accounts = st.integers(0, 10**6).map(str)
levels = st.floats(0.91, 1.5)


@given(accounts, levels, st.floats(0, 3_599), st.sampled_from([0.0, 0.4, 0.9]))
def test_who_comes_back_when_told_to_is_let_in(
    name: str, level: float, later: float, busy: float
) -> None:
    """The work drains meanwhile, in whatever hour: at the level that is then, its number is in."""
    request, now = replace(CLIP, account_id=name), NOW + later
    free = RULES.tiers[RANKS["free"]]
    closed = Gates(gates=(Gate(closed=True),) * 6, aside=(0.0,) * 6, flips=(0,) * 6)
    gates = closed.after((level,) * 6, RULES.tiers, now, RULES.gates)
    plus = TierLoad(offered_gpu_s_per_s=16.0 * busy)
    load = load_of(free=TierLoad(promised_gpu_s=1e9), plus=plus)
    sight = replace(situation(0.0, load, level), aside=gates.aside)
    decision = decide(request, sight, now)
    if not isinstance(decision, Shed):
        return
    wait_s = decision.retry_after_s
    assert wait_s >= 30
    seen_s = max(0.0, wait_s - RULES.saturation.smoothing_s)
    drained = level - seen_s * (1 - busy) / RULES.saturation.drain_target_s
    part = min(gates.aside[CLIP.rank], Gate(closed=True).part_aside(drained, free, RULES.gates))
    assert draw(name, now + wait_s) >= part - 1e-9


parts = st.lists(st.floats(0, 1), min_size=6, max_size=6).map(lambda p: sorted(p, reverse=True))
KINDNESS = {Admit: 2, Defer: 1, Shed: 0}


@given(parts, loads, accounts, st.integers(1, 5), st.booleans())
def test_the_same_request_never_fares_worse_in_a_higher_tier(
    aside: list[float], load: Load, name: str, rank: int, continuing: bool
) -> None:
    sight = replace(situation(load=load), aside=tuple(aside))
    request = replace(CLIP, account_id=name, continuing=continuing, lighter=(SMALL,))
    lower, upper = (decide(replace(request, rank=each), sight, NOW) for each in (rank - 1, rank))
    assert KINDNESS[type(lower)] <= KINDNESS[type(upper)]
