"""Who gives way, and when not."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaling.ordering import Waiting
from autoscaling.preemption import PreemptionRule, Running, gives_way, is_urgent

RULE = PreemptionRule()
FREE = Running(job_id="a", paid=False, degree=4, steps_left=20, preemptions=0, slack_s=100.0)
PRO = Waiting(
    job_id="pro",
    model="m",
    tier_rank=3,
    created_at=0.0,
    predicted_gpu_s=160.0,
    paid=True,
    deadline=100.0,
    standalone_s=40.0,
)


@pytest.mark.parametrize(
    ("now", "urgent"), [(0.0, False), (28.0, False), (29.0, True), (60.0, True), (61.0, False)]
)
def test_a_paid_job_is_urgent_when_it_is_near_to_late_and_not_when_it_is_late(
    now: float, urgent: bool
) -> None:
    assert is_urgent(PRO, now, RULE) is urgent
    assert not is_urgent(replace(PRO, paid=False), now, RULE)


def test_the_one_with_the_most_slack_gives_way() -> None:
    relaxed = replace(FREE, job_id="b", slack_s=900.0)
    assert gives_way([FREE, relaxed], RULE, least_degree=4, takes_s=40.0) is relaxed


def test_a_paid_job_with_time_to_spare_gives_way_if_nobody_else_can() -> None:
    long_clip = replace(FREE, job_id="long", paid=True, slack_s=61.0)
    assert gives_way([long_clip], RULE, least_degree=4, takes_s=40.0) is long_clip
    assert gives_way([long_clip, FREE], RULE, least_degree=4, takes_s=40.0) is FREE


@pytest.mark.parametrize(
    "change",
    [{"paid": True, "slack_s": 60.0}, {"degree": 2}, {"steps_left": 5}, {"preemptions": 2}],
)
def test_the_guards(change: dict[str, object]) -> None:
    assert gives_way([replace(FREE, **change)], RULE, least_degree=4, takes_s=40.0) is None
    assert gives_way([], RULE, least_degree=4, takes_s=40.0) is None


@given(
    st.lists(
        st.builds(
            Running,
            job_id=st.integers(0, 99).map(str),
            paid=st.booleans(),
            degree=st.sampled_from([1, 2, 4]),
            steps_left=st.integers(0, 30),
            preemptions=st.integers(0, 3),
            slack_s=st.floats(-1e3, 1e3),
        )
    )
)
def test_nobody_gives_way_who_cannot_afford_it(running: list[Running]) -> None:
    chosen = gives_way(running, RULE, least_degree=2, takes_s=40.0)
    if chosen is not None:
        assert not chosen.paid or chosen.slack_s > 60.0
        assert chosen.preemptions < RULE.most_preemptions
        assert chosen.steps_left > RULE.least_steps_left
        assert chosen.degree >= 2
