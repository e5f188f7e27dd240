"""What a job's history says of its turn."""

import pytest

from autoscaling.ordering import Band
from serve.attempts.history import started
from tests.unit.serve.scheduling.policing import NOW, job


@pytest.mark.parametrize("band", list(Band))
def test_every_place_in_the_queue_has_its_words(band: Band) -> None:
    note = started(job("a", created_at=NOW - 60.0), None, band.name.lower(), NOW)
    assert note.text.startswith("It waited 60 seconds: all gangs were busy. Its turn came now: ")
    assert note.reason == band.name.lower()
