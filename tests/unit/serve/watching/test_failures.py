"""What ended and broke lately, in bounded memory."""

from dataclasses import replace

from serve.jobs.job import Failure, Phase, Status
from serve.watching.failures import MOST_SHOWN, Failures
from tests.unit.serve.attempts.scene import JOB

FAILED = replace(
    JOB,
    id="video_1",
    status=Status.FAILED,
    phase=Phase.DECODE,
    failure=Failure(code="out_of_memory", message="There was no room for it."),
)


def test_the_newest_come_first_and_old_ones_go() -> None:
    failures = Failures()
    for number in range(MOST_SHOWN + 5):
        failures.broke(replace(JOB, id=str(number)), "died", float(number))
    failures.ended(FAILED, 99.0)
    shown = failures.newest()
    assert len(shown) == MOST_SHOWN
    assert (shown[0].what, shown[0].job_id, shown[0].reason) == ("job", "video_1", "out_of_memory")
    assert (shown[0].phase, shown[1].phase) == ("decode", "starting")
    assert [each.job_id for each in shown[1:3]] == ["54", "53"]


def test_the_last_hour_is_counted_and_cancelled_jobs_are_neither() -> None:
    failures = Failures()
    failures.ended(replace(JOB, status=Status.COMPLETED), 0.0)
    failures.ended(replace(JOB, status=Status.COMPLETED), 3_000.0)
    failures.ended(replace(JOB, status=Status.CANCELLED), 3_000.0)
    failures.ended(FAILED, 3_100.0)
    assert failures.counts(3_200.0) == (2, 1)
    assert failures.counts(3_700.0) == (1, 1)
    assert failures.counts(9_000.0) == (0, 0)
