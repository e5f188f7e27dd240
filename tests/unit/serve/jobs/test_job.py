"""Which state follows which, and what a job says of itself."""

from dataclasses import replace

import pytest

from pipelines.spec import ClipSpec
from serve.jobs.job import (
    ENDED,
    LIVE,
    NEXT,
    IllegalTransition,
    Job,
    Status,
    Timings,
    check_transition,
)

SPEC = ClipSpec(
    prompt="a boat",
    negative_prompt="",
    width=64,
    height=32,
    num_frames=17,
    fps=8,
    steps=8,
    guidance_scale=1.0,
    seed=1,
    sound=True,
    has_image=False,
)
JOB = Job(
    id="video_1",
    account_id="local",
    tier="pro",
    model="m",
    spec=SPEC,
    status=Status.QUEUED,
    created_at=1_000.0,
    predicted_gpu_s=1.0,
)


def test_every_state_is_either_live_or_ended() -> None:
    assert set(NEXT) == set(Status) == LIVE | ENDED
    assert not LIVE & ENDED


def test_nothing_ended_comes_back_to_life() -> None:
    for ended in ENDED:
        assert not NEXT[ended] & LIVE


@pytest.mark.parametrize(("current", "new"), [(a, b) for a in Status for b in Status])
def test_only_listed_transitions_pass(current: Status, new: Status) -> None:
    if new in NEXT[current]:
        check_transition(current, new)
        return
    with pytest.raises(IllegalTransition, match=f"a {current} job cannot become {new}"):
        check_transition(current, new)


@pytest.mark.parametrize(
    ("status", "step", "percent"),
    [
        (Status.QUEUED, 0, 0),
        (Status.IN_PROGRESS, 3, 37),
        (Status.IN_PROGRESS, 8, 99),  # decoding: the clip is not there yet
        (Status.QUEUED, 5, 62),  # interrupted: what was done is kept
        (Status.FAILED, 5, 62),
        (Status.COMPLETED, 8, 100),
        (Status.EXPIRED, 8, 100),
    ],
)
def test_progress_is_the_last_finished_step(status: Status, step: int, percent: int) -> None:
    job = replace(JOB, status=status, step=step)
    assert job.progress == percent
    assert job.ended == (status in ENDED)


def test_a_job_costs_what_it_took_and_nothing_if_it_failed() -> None:
    job = replace(JOB, price_per_gpu_s=0.5, timings=Timings(gpu_s=3.0))
    assert job.estimated_price == 0.5
    for status, price in (
        (Status.QUEUED, None),
        (Status.IN_PROGRESS, None),
        (Status.COMPLETED, 1.5),
        (Status.EXPIRED, 1.5),
        (Status.CANCELLED, 1.5),
        (Status.FAILED, 0.0),
    ):
        assert replace(job, status=status).price == price
