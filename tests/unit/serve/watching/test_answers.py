"""What requests were told of late."""

from typing import Literal

import pytest

from autoscaling.decisions import Reason
from serve.messages import Answered
from serve.watching.answers import RecentAnswers


def told(
    outcome: Literal["admitted", "deferred", "shed"],
    reason: Reason,
    requests: int,
    *,
    counted: int | None = None,
) -> Answered:
    return Answered(
        model="m",
        tier="new",
        outcome=outcome,
        reason=reason,
        requests=requests,
        gpu_s=1.0,
        counted=counted,
    )


def test_of_those_that_were_turned_aside_the_part_without_a_promise() -> None:
    answers = RecentAnswers(60.0)
    answers.answered(
        [
            told("admitted", Reason.DRAWN, 50),
            told("deferred", Reason.BUSY, 3),
            told("shed", Reason.TOO_FAR, 8),
            told("shed", Reason.TOO_MUCH, 1),
            told("shed", Reason.ACCOUNT_FULL, 40),
            told("shed", Reason.TIER_CLOSED, 40),
        ],
        now=100.0,
    )
    assert answers.refused(100.0) == {"new": pytest.approx(0.75)}


def test_what_is_new_counts_more_and_what_is_old_is_forgotten() -> None:
    answers = RecentAnswers(60.0)
    answers.answered([told("shed", Reason.TOO_FAR, 10)], now=100.0)
    answers.answered([told("deferred", Reason.BUSY, 10)], now=220.0)
    assert answers.refused(220.0)["new"] == pytest.approx(0.119, abs=0.001)
    assert answers.refused(500.0) == {}


def test_one_who_asks_all_the_time_does_not_speak_for_the_tier() -> None:
    """And a promise is one, also to somebody who came back."""
    answers = RecentAnswers(60.0)
    flooder = told("shed", Reason.TOO_MUCH, 5_000, counted=1)
    answers.answered([told("deferred", Reason.BUSY, 9, counted=0), flooder], now=100.0)
    assert answers.refused(100.0) == {"new": pytest.approx(0.1)}
