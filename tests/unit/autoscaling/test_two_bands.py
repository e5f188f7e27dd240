"""The order of two bands: least slack for paid, promises that are due, fair shares for the rest."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from autoscaling.fairness import FairShares
from autoscaling.ordering import Band, OrderRule, TwoBands, Waiting

NOW = 1_000.0


def job(job_id: str, account_id: str = "", **numbers: object) -> Waiting:
    facts: dict[str, object] = {
        "model": "m",
        "tier_rank": 0,
        "created_at": 0.0,
        "predicted_gpu_s": 100.0,
        "account_id": account_id or job_id,
    }
    return Waiting(job_id=job_id, **(facts | numbers))  # type: ignore[arg-type]


def paid(job_id: str, deadline: float, standalone_s: float = 40.0) -> Waiting:
    return job(job_id, paid=True, deadline=deadline, standalone_s=standalone_s)


def ids(waiting: list[Waiting], low_part: float = 1.0, low_share: float = 0.0) -> list[str]:
    order = TwoBands(FairShares(), OrderRule(low_share=low_share))
    return [each.job_id for each in order.order(waiting, NOW, low_part=low_part)]


def test_paid_jobs_go_by_what_they_can_still_wait() -> None:
    long_clip = paid("long", deadline=2_000.0, standalone_s=900.0)
    assert ids([paid("short", deadline=1_500.0), long_clip, job("free")]) == [
        "long",
        "short",
        "free",
    ]


def test_a_paid_job_that_is_late_anyway_makes_no_other_late() -> None:
    hopeless = replace(paid("hopeless", deadline=1_010.0), created_at=900.0)
    assert ids([hopeless, paid("fine", deadline=9_000.0), job("free")]) == [
        "fine",
        "hopeless",
        "free",
    ]


def test_nor_is_it_forgotten() -> None:
    overdue = replace(paid("overdue", deadline=700.0), created_at=600.0)
    assert ids([paid("fine", deadline=1_100.0), overdue]) == ["overdue", "fine"]


def test_a_promise_that_is_due_goes_before_all_that_are_not_paid_for() -> None:
    due = job("due", deadline=2_000.0, due_at=NOW, created_at=900.0)
    not_yet = job("not_yet", deadline=9_000.0, due_at=NOW + 1, created_at=901.0)
    assert ids([not_yet, job("free"), due, paid("pro", 9_000.0)]) == [
        "pro",
        "due",
        "free",
        "not_yet",
    ]


def test_a_broken_promise_does_not_break_the_next_unless_it_waits_too_long() -> None:
    broken = job("broken", deadline=950.0, due_at=0.0)
    fine = job("fine", deadline=2_000.0, due_at=0.0)
    forgotten = job("forgotten", deadline=800.0, due_at=0.0)
    assert ids([broken, job("free"), fine]) == ["fine", "broken", "free"]
    assert ids([broken, fine, forgotten]) == ["forgotten", "fine", "broken"]


def test_a_promise_that_is_not_due_is_made_from_what_is_left_over() -> None:
    sooner = job("sooner", deadline=5_000.0, due_at=4_000.0, promised=True)
    later = job("later", deadline=9_000.0, due_at=4_000.0, promised=True)
    assert ids([later, sooner, job("free", created_at=999.0)]) == ["free", "sooner", "later"]


def test_a_job_that_was_let_in_is_due_after_three_times_its_target() -> None:
    assert OrderRule().aged_at(100.0, 500.0) == 1_300.0


def test_who_gave_way_for_long_enough_goes_first_of_all() -> None:
    long_ago, just_now = job("long_ago", suspended_at=880.0), job("just_now", suspended_at=881.0)
    assert ids([paid("pro", 1_100.0), just_now, long_ago]) == ["long_ago", "pro", "just_now"]


def test_the_low_band_gets_its_share_first_while_it_has_less() -> None:
    both = [paid("pro", 1_100.0), job("free")]
    assert ids(both, low_part=0.1, low_share=0.125) == ["free", "pro"]
    assert ids(both, low_part=0.2, low_share=0.125) == ["pro", "free"]


def test_a_thousand_jobs_delay_only_their_own_account() -> None:
    crowd = [job(f"many{number:04}", "many", created_at=0.0) for number in range(1_000)]
    assert ids([*crowd, job("one", created_at=999.0)])[:3] == ["many0000", "one", "many0001"]


def test_weights_share_the_rest() -> None:
    heavy = [job(f"h{number}", "heavy", weight=2.0) for number in range(4)]
    light = [job(f"l{number}", "light") for number in range(2)]
    assert ids([*heavy, *light]) == ["h0", "l0", "h1", "h2", "l1", "h3"]


moments = st.sampled_from([900.0, 1_000.0, 1_100.0, 5_000.0])
jobs = st.lists(
    st.builds(
        job,
        job_id=st.integers(0, 99).map(str),
        account_id=st.sampled_from("abc"),
        created_at=st.sampled_from([0.0, 1.0]),
        predicted_gpu_s=st.floats(1, 1e3),
        paid=st.booleans(),
        deadline=moments,
        due_at=moments,
        promised=st.booleans(),
        standalone_s=st.sampled_from([0.0, 50.0, 500.0]),
        suspended_at=st.sampled_from([None, 800.0, 990.0]),
    ),
    max_size=12,
    unique_by=lambda waiting: waiting.job_id,
)


@given(jobs, st.randoms(use_true_random=False))
def test_the_order_is_total_and_loses_nobody(waiting: list[Waiting], random: object) -> None:
    ordered = ids(waiting)
    assert sorted(ordered) == sorted(each.job_id for each in waiting)
    shuffled = list(waiting)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert ids(shuffled) == ordered


@given(jobs)
def test_bands_are_never_mixed(waiting: list[Waiting]) -> None:
    order = TwoBands(FairShares(), OrderRule())
    bands = [order.place(each, NOW)[0] for each in order.order(waiting, NOW)]
    assert bands == sorted(bands)
    assert Band.FLOOR not in bands


@given(jobs)
def test_the_lowest_place_is_the_first_in_the_order(waiting: list[Waiting]) -> None:
    order = TwoBands(FairShares(), OrderRule())
    if waiting:
        first = min(waiting, key=lambda each: order.place(each, NOW))
        assert order.order(waiting, NOW)[0] == first
