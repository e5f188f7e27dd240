"""The queue's order: higher tiers first, then first come, first served; total and stable."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaling.ordering import TierThenArrival, Waiting

ORDER = TierThenArrival()


def job(job_id: str, tier_rank: int = 0, created_at: float = 0.0) -> Waiting:
    return Waiting(
        job_id=job_id,
        model="tiny",
        tier_rank=tier_rank,
        created_at=created_at,
        predicted_gpu_s=1.0,
    )


def ids(waiting: list[Waiting]) -> list[str]:
    return [each.job_id for each in waiting]


jobs = st.lists(
    st.builds(
        Waiting,
        job_id=st.text("abc", min_size=1, max_size=4),
        model=st.sampled_from(["tiny", "large"]),
        # Few tiers and times, so that ties are common.
        tier_rank=st.integers(0, 2),
        created_at=st.sampled_from([0.0, 1.0, 2.5]),
        predicted_gpu_s=st.floats(0, 1e4),
    ),
    max_size=12,
    unique_by=lambda waiting: waiting.job_id,
)


def test_an_empty_queue_stays_empty() -> None:
    assert ORDER.order([]) == []


def test_first_come_first_served_within_a_tier() -> None:
    late, early = job("a", created_at=2.0), job("b", created_at=1.0)
    assert ids(ORDER.order([late, early])) == ["b", "a"]


def test_a_higher_tier_overtakes_older_jobs() -> None:
    free, pro = job("a", tier_rank=1, created_at=0.0), job("b", tier_rank=3, created_at=9.0)
    assert ids(ORDER.order([free, pro])) == ["b", "a"]


def test_a_tie_falls_to_the_id() -> None:
    assert ids(ORDER.order([job("b"), job("a"), job("c")])) == ["a", "b", "c"]


@pytest.mark.parametrize("change", [{"model": "large"}, {"predicted_gpu_s": 1e6}])
def test_neither_model_nor_cost_matters(change: dict[str, object]) -> None:
    first, second = job("a", created_at=1.0), job("b", created_at=2.0)
    assert ids(ORDER.order([second, replace(first, **change)])) == ["a", "b"]


@given(jobs)
def test_nobody_is_lost_or_invented(waiting: list[Waiting]) -> None:
    assert sorted(ids(ORDER.order(waiting))) == sorted(ids(waiting))


@given(jobs, st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_the_order_of_asking(
    waiting: list[Waiting], random: object
) -> None:
    shuffled = list(waiting)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert ORDER.order(shuffled) == ORDER.order(waiting)


@given(jobs)
def test_asking_again_changes_nothing(waiting: list[Waiting]) -> None:
    before = list(waiting)
    once = ORDER.order(waiting)
    assert ORDER.order(once) == once
    assert waiting == before


@given(jobs)
def test_the_order_is_total_and_every_pair_is_right(waiting: list[Waiting]) -> None:
    ordered = ORDER.order(waiting)
    for position, ahead in enumerate(ordered):
        for behind in ordered[position + 1 :]:
            assert ahead.tier_rank >= behind.tier_rank
            if ahead.tier_rank == behind.tier_rank:
                assert ahead.created_at <= behind.created_at
                if ahead.created_at == behind.created_at:
                    assert ahead.job_id < behind.job_id


@given(jobs, jobs)
def test_two_jobs_keep_their_order_whoever_else_waits(
    some: list[Waiting], others: list[Waiting]
) -> None:
    known = {each.job_id for each in some}
    everyone = some + [each for each in others if each.job_id not in known]
    kept = [each for each in ORDER.order(everyone) if each.job_id in known]
    assert kept == ORDER.order(some)
