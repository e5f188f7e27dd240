"""Decisions in words."""

import pytest

from autoscaling.decisions import Admit, Defer, Reason, Shed
from autoscaling.explain import WHY, duration, explain


def test_every_reason_has_words() -> None:
    assert set(WHY) == set(Reason)


def test_who_is_let_in() -> None:
    assert explain(Admit(reason=Reason.OPEN), "free", 0.0) == (
        "There is room for the free tier: your clip waits its turn."
    )
    lighter = Admit(reason=Reason.LIGHTER, variant="480p")
    assert explain(lighter, "free", 0.0).endswith("It is made as 480p.")


def test_who_gets_a_promise() -> None:
    later = Defer(reason=Reason.BUSY, finish_by=5_800.0, predicted_s=3_600.0)
    assert explain(later, "new", 1_000.0) == (
        "More is asked for in the new tier than can be made at once. Your clip is kept, and will "
        "be ready within 1 hour 20 minutes; that stays so."
    )


def test_who_is_told_to_come_back() -> None:
    shed = Shed(reason=Reason.TOO_FAR, retry_after_s=600.0, accepted_now=("480p",))
    told = explain(shed, "new", 0.0)
    assert told.endswith("Try again in 10 minutes. Accepted now: 480p.")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "2 seconds"),
        (39.2, "40 seconds"),
        (90.0, "2 minutes"),
        (3_600.0, "1 hour"),
        (7_261.0, "2 hours 2 minutes"),
    ],
)
def test_times_are_rounded_up(seconds: float, words: str) -> None:
    assert duration(seconds) == words
