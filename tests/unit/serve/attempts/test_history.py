"""What a job's history says of its turn."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from autoscaling.ordering import Band
from serve.attempts.history import Ahead, interrupted, moved, started, suspended
from serve.jobs.job import Job, Note
from tests.unit.serve.scheduling.policing import NOW, job


@pytest.mark.parametrize("band", list(Band))
def test_every_place_in_the_queue_has_its_words(band: Band) -> None:
    note = started(job("a", created_at=NOW - 60.0), None, band.name.lower(), NOW)
    assert note.text.startswith("It waited 60 seconds: all gangs were busy. Its turn came now: ")
    assert note.reason == band.name.lower()


@pytest.mark.parametrize(
    ("stopped", "reason", "text"),
    [
        (moved, "larger_gang", "It goes on from step 2 of 3 after 9 seconds; {}."),
        (suspended, "gave_way", "It goes on from step 2 of 3 after 9 seconds; {}."),
        (
            lambda job, now: interrupted(job, now, reason="crashed"),
            "interrupted",
            "It goes on from step 2 of 3; {}.",
        ),
    ],
)
def test_a_job_that_goes_on_says_why_it_had_stopped_and_who_went_first(
    stopped: Callable[[Job, float], Note], reason: str, text: str
) -> None:
    before = job("a", attempt=1, step=2)
    again = replace(before, history=(stopped(before, NOW - 9.0),))
    note = started(again, Ahead(paid=1), "fair", NOW)
    assert (note.what, note.reason) == ("resumed", reason)
    assert note.text == text.format("1 clip of a paid tier stood before it")
