"""Fair shares: the bound of start-time fair queueing, and nothing saved up by idling."""

from hypothesis import given
from hypothesis import strategies as st

from autoscaling.fairness import FairShares

costs = st.lists(st.floats(1, 100), min_size=1, max_size=40)
weights = st.sampled_from([0.5, 1.0, 2.0])


def test_whoever_got_less_is_next() -> None:
    shares = FairShares()
    shares.started("a", 100.0, 1.0)
    assert shares.tag("b") < shares.tag("a")
    shares.started("b", 300.0, 1.0)
    assert shares.tag("a") < shares.tag("b")


def test_twice_the_weight_is_charged_half() -> None:
    shares = FairShares()
    shares.started("a", 100.0, 2.0)
    assert shares.tag("a") == 50.0


def test_who_was_away_begins_at_the_present() -> None:
    shares = FairShares()
    for _ in range(10):
        shares.started("busy", 100.0, 1.0)
    assert shares.tag("idle") == 900.0
    assert shares.tag("busy") == 1_000.0


def test_who_goes_before_its_turn_makes_nobody_else_later() -> None:
    shares = FairShares()
    for _ in range(10):
        shares.started("heavy", 100.0, 1.0, in_turn=False)
    assert (shares.tag("heavy"), shares.tag("other")) == (1_000.0, 0.0)
    shares.started("other", 50.0, 1.0)
    shares.started("other", 50.0, 1.0)
    assert shares.tag("third") == 50.0, "the turn it was, not the promises"


def test_who_has_rested_begins_at_the_present() -> None:
    """20 clips of what nobody else needed; then others come, each for the first time."""
    shares = FairShares()
    for _ in range(20):
        shares.started("heavy", 150.0, 1.0, in_turn=False)
    for now, busy in ((0.0, []), (1_000.0, ["heavy"]), (2_799.0, [])):
        shares.rest(busy, now, 1_800.0)
    assert shares.tag("heavy") == 3_000.0
    shares.rest([], 2_800.0, 1_800.0)
    assert shares.tag("heavy") == shares.tag("fresh") == 0.0
    assert shares.plain() == {"ahead": {}}


def test_who_goes_on_has_not_rested_though_the_clock_is_set_back() -> None:
    shares = FairShares()
    shares.take_up({"ahead": {"a": 10.0, "b": 10.0}})
    shares.rest([], 5_000.0, 1_800.0)
    shares.rest([], 1_400.0, 1_800.0)
    shares.started("a", 10.0, 1.0)
    shares.rest([], 3_200.0, 1_800.0)
    assert (shares.tag("a"), shares.tag("b")) == (20.0, 10.0)


def test_charges_follow_what_was_really_used() -> None:
    shares = FairShares()
    shares.started("a", 100.0, 1.0)
    shares.started("b", 100.0, 1.0)
    shares.corrected("a", -60.0, 1.0)
    shares.corrected("b", 20.0, 1.0)
    assert (shares.tag("a"), shares.tag("b")) == (40.0, 120.0)


@given(costs, costs, weights, weights)
def test_neither_of_two_busy_accounts_falls_behind(
    one: list[float], other: list[float], weight_one: float, weight_other: float
) -> None:
    """|W_f / w_f - W_g / w_g| <= C_f / w_f + C_g / w_g at any time while both wait."""
    shares = FairShares()
    jobs = {"f": list(one), "g": list(other)}
    weight = {"f": weight_one, "g": weight_other}
    bound = max(one) / weight_one + max(other) / weight_other
    work = {"f": 0.0, "g": 0.0}
    while jobs["f"] and jobs["g"]:
        name = min(jobs, key=lambda each: (shares.tag(each), each))
        gpu_s = jobs[name].pop()
        shares.started(name, gpu_s, weight[name])
        work[name] += gpu_s
        assert abs(work["f"] / weight["f"] - work["g"] / weight["g"]) <= bound + 1e-6


@given(st.lists(st.tuples(st.integers(0, 400), st.floats(1, 100)), max_size=300))
def test_forgetting_the_past_changes_no_tag(starts: list[tuple[int, float]]) -> None:
    shares = FairShares()
    tags: dict[str, float] = {}
    now = 0.0
    for number, gpu_s in starts:
        name = str(number)
        tag = max(now, tags.get(name, 0.0))
        assert shares.tag(name) == tag
        shares.started(name, gpu_s, 1.0)
        now = max(now, tag)
        tags[name] = tag + gpu_s
