"""Promises: careful when they are made, learnt from, and released in order."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaling.decisions import Reason
from autoscaling.load import Load, TierLoad
from autoscaling.promises import (
    Promise,
    Promised,
    PromiseRule,
    ReleaseRule,
    Stretch,
    Wish,
    due_at,
    predicted_s,
    pressure,
    promise,
    release,
)
from autoscaling.tiers import DEFAULT_TIERS, Tiers
from tests.unit.autoscaling.loads import RANKS, load_of, loads

RULE = PromiseRule()
RELEASE = ReleaseRule()
CLIP = Wish(gpu_s=150.0, standalone_s=40.0)
BUSY = load_of(
    plus=TierLoad(sustained_gpu_s_per_s=8.0),
    free=TierLoad(backlog_gpu_s=5_000.0, promised_gpu_s=15_000.0),
)


def ask(tier: str = "free", load: Load = BUSY, wish: Wish = CLIP) -> Promise | Reason:
    return promise(
        wish,
        RANKS[tier],
        load=load,
        tiers=DEFAULT_TIERS,
        stretch=Stretch(),
        rule=RULE,
        now=1e6,
    )


def test_the_worked_numbers() -> None:
    made = ask()
    assert isinstance(made, Promise)
    assert made.predicted_s == pytest.approx(20_150 / (16 * 0.375))
    assert made.finish_by == pytest.approx(1e6 + 1.25 * made.predicted_s)


def test_a_promise_is_never_earlier_than_the_ordinary_target() -> None:
    made = ask(load=load_of())
    assert isinstance(made, Promise)
    assert made.finish_by == 1e6 + 10 * 40.0


def test_a_clip_that_waits_for_its_account_is_promised_for_after_that() -> None:
    made = ask(load=load_of(), wish=replace(CLIP, own_wait_s=1_000.0))
    assert made == Promise(finish_by=1e6 + 1.25 * 1_040.0, predicted_s=1_040.0)


def test_paid_jobs_wait_for_paid_ones_only() -> None:
    assert predicted_s(CLIP, RANKS["pro"], BUSY, DEFAULT_TIERS, RULE) == 40.0


@pytest.mark.parametrize(
    ("load", "why"),
    [
        (load_of(gpus=0), Reason.NO_GPUS),
        (load_of(new=TierLoad(promised_gpu_s=16 * 4 * 3600.0)), Reason.TOO_MUCH),
        (load_of(free=TierLoad(backlog_gpu_s=150_000.0)), Reason.TOO_FAR),
    ],
)
def test_what_cannot_be_kept_is_not_promised(load: Load, why: Reason) -> None:
    assert ask(load=load) is why


def test_what_unpaid_tiers_were_promised_is_not_held_against_paid_ones() -> None:
    full = load_of(new=TierLoad(promised_gpu_s=16 * 4 * 3600.0))
    assert isinstance(ask("pro", full), Promise)
    assert ask("plus", load_of(pro=TierLoad(promised_gpu_s=16 * 4 * 3600.0))) is Reason.TOO_MUCH


def test_a_large_paid_clip_may_be_promised_where_a_small_one_of_the_tier_below_is() -> None:
    """Paid tiers ask for everything: a tenth of the GPUs is left for promises."""
    load = load_of(plus=TierLoad(sustained_gpu_s_per_s=16.0, backlog_gpu_s=22_000.0))
    large = Wish(gpu_s=1_500.0 / 0.87, standalone_s=431.0)
    assert isinstance(ask("plus", load), Promise)
    assert ask("plus", load, large) is Reason.TOO_FAR
    assert isinstance(ask("pro", load, large), Promise)


def test_a_tier_may_get_no_promises() -> None:
    tiers = Tiers(ladder=(replace(DEFAULT_TIERS[0], max_promise_s=0.0),))
    load = Load(gpus=1.0, tiers=(TierLoad(),))
    made = promise(CLIP, 0, load=load, tiers=tiers, stretch=Stretch(), rule=RULE, now=0.0)
    assert made is Reason.NO_PROMISES


def learnt(kept: list[bool]) -> float:
    stretch = Stretch()
    for each in kept:
        stretch = stretch.observed(RULE, kept=each)
    return stretch.factor(RULE)


def test_broken_promises_make_the_next_ones_more_careful() -> None:
    assert learnt([]) == RULE.first_stretch
    assert learnt([False]) == pytest.approx(RULE.first_stretch + 0.9 * RULE.learning)
    assert learnt([False] * 1_000) == RULE.most_stretch
    assert learnt([True] * 1_000) == RULE.least_stretch


def test_where_nine_in_ten_are_kept_it_stays() -> None:
    assert learnt(([True] * 9 + [False]) * 100) == pytest.approx(RULE.first_stretch)


@pytest.mark.parametrize("scatter", [0.5, 1.0, 1.5, 3.0])
def test_it_finds_what_nine_in_ten_need(scatter: float) -> None:
    """Of waits that are evenly spread up to so many times the prediction."""
    stretch, random = Stretch(), Random(7)
    for _ in range(4_000):
        needed = random.random() * scatter
        stretch = stretch.observed(RULE, kept=needed <= stretch.factor(RULE))
    assert stretch.factor(RULE) == pytest.approx(max(0.9 * scatter, RULE.least_stretch), abs=0.3)


@given(loads, st.floats(1, 1e4), st.sampled_from(sorted(RANKS.values())[1:]))
def test_whatever_is_promised_to_a_tier_is_promised_to_the_one_above(
    load: Load, gpu_s: float, rank: int
) -> None:
    """Like for like: the same clip, at the same time."""
    wish = Wish(gpu_s=gpu_s, standalone_s=gpu_s / 4)
    lower, upper = (
        promise(wish, each, load=load, tiers=DEFAULT_TIERS, stretch=Stretch(), rule=RULE, now=0.0)
        for each in (rank - 1, rank)
    )
    if isinstance(lower, Promise):
        assert isinstance(upper, Promise)


def deferred(number: int, finish_by: float, gpu_s: float = 1_000.0) -> Promised:
    return Promised(job_id=str(number), finish_by=finish_by, gpu_s=gpu_s, standalone_s=40.0)


def freed(
    waiting: list[Promised],
    backlog_gpu_s: float,
    *,
    running_gpu_s: float = 0.0,
    idle_gangs: int = 0,
    now: float = 0.0,
) -> list[str]:
    free = TierLoad(backlog_gpu_s=backlog_gpu_s, running_gpu_s=running_gpu_s)
    released = release(
        waiting,
        load=load_of(free=free),
        idle_gangs=idle_gangs,
        drain_target_s=300.0,
        rule=RELEASE,
        now=now,
    )
    return [job.job_id for job in released]


def test_what_is_left_over_is_filled_in_the_order_of_the_promises() -> None:
    waiting = [deferred(number, 1e5 + number) for number in range(5)]
    assert freed(waiting, backlog_gpu_s=0.0) == ["0", "1", "2", "3"]  # room for 3,360 GPU-seconds
    assert freed(waiting, backlog_gpu_s=3_000.0) == ["0"]
    assert freed(waiting, backlog_gpu_s=3_360.0) == []


def test_what_runs_takes_no_room() -> None:
    """With a long clip on one of two gangs the other would be idle until a promise is due."""
    waiting = [deferred(number, 1e5 + number) for number in range(5)]
    assert freed(waiting, 90_000.0, running_gpu_s=90_000.0) == ["0", "1", "2", "3"]


def test_each_idle_gang_gets_a_job_however_much_waits_for_others() -> None:
    waiting = [deferred(number, 1e5 + number) for number in range(5)]
    assert freed(waiting, backlog_gpu_s=1e9, idle_gangs=2) == ["0", "1"]
    assert freed(waiting, backlog_gpu_s=1e9, idle_gangs=-1) == []


def test_a_promise_that_is_due_is_released_into_a_full_queue() -> None:
    waiting = [deferred(0, 2_000.0), deferred(1, 2_001.0)]
    assert due_at(2_000.0, 40.0, RELEASE) == 1_020.0
    assert freed(waiting, backlog_gpu_s=1e9, now=1_020.0) == ["0"]


def test_a_long_clip_that_is_due_goes_before_shorter_ones_promised_for_the_same_time() -> None:
    short = [deferred(number, 7_000.0) for number in range(100)]
    long_clip = replace(deferred(100, 7_001.0), standalone_s=2_400.0)
    assert freed([*short, long_clip], backlog_gpu_s=1e9, now=1_301.0) == ["100"]


@given(
    st.lists(st.floats(0, 1e5), max_size=20),
    st.floats(0, 1e4),
    st.integers(-2, 8),
    st.floats(0, 1e5),
)
def test_nobody_is_released_before_an_earlier_promise_and_no_gang_idles(
    times: list[float], backlog_gpu_s: float, idle: int, now: float
) -> None:
    waiting = [deferred(number, at) for number, at in enumerate(sorted(times))]
    released = freed(waiting, backlog_gpu_s, idle_gangs=idle, now=now)
    assert released == [job.job_id for job in waiting][: len(released)]
    assert len(released) >= min(idle, len(waiting))
    for job in waiting:
        if now >= due_at(job.finish_by, job.standalone_s, RELEASE):
            assert job.job_id in released


def needed(promised: list[Promised], load: Load, now: float = 0.0) -> float:
    return pressure(promised, load=load, tiers=DEFAULT_TIERS, rule=RULE, now=now)


def test_the_tightest_promise_says_how_much_is_needed() -> None:
    half_paid = load_of(plus=TierLoad(sustained_gpu_s_per_s=8.0))
    soon = deferred(1, 1_040.0, gpu_s=4_000.0)
    later = deferred(2, 10_040.0, gpu_s=8_000.0)
    assert needed([soon, later], half_paid) == pytest.approx(0.5)
    assert needed([soon], load_of()) == pytest.approx(0.25)
    assert needed([], load_of()) == needed([soon], load_of(gpus=0)) == 0.0


def test_a_promise_that_is_overdue_needs_everything() -> None:
    assert needed([deferred(1, 100.0)], load_of(), now=5_000.0) > 1
