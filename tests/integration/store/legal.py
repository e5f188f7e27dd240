"""What may become of a row from one look to the next, and what a row may be."""

from serve.jobs.job import Job, Status, check_transition


def moved_legally(before: Job, after: Job) -> None:
    if before.status != after.status:
        check_transition(before.status, after.status)
    starts = after.status is Status.IN_PROGRESS and before.status is not Status.IN_PROGRESS
    assert after.attempt == before.attempt + starts
    assert after.epoch >= before.epoch
    assert after.run_s >= before.run_s
    assert after.promised_by == before.promised_by
    assert before.released_at in (None, after.released_at)
    assert after.preemptions in (before.preemptions, before.preemptions + 1)
    assert before.started_at in (None, after.started_at)
    assert before.completed_at in (None, after.completed_at)
    assert before.clip_prefix in (None, after.clip_prefix)
    assert before.failure in (None, after.failure)


def is_consistent(row: Job) -> None:
    running = row.status is Status.IN_PROGRESS
    assert (row.phase is not None) == running
    assert (row.attempt_started_at is not None) or not running
    assert (row.suspended_at is None) or not running
    assert (row.completed_at is not None) == row.ended
    assert (row.clip_prefix is not None) == (row.status in (Status.COMPLETED, Status.EXPIRED))
    assert (row.failure is not None) == (row.status is Status.FAILED)
    assert row.deleted_at is None or (row.ended and row.spec.prompt == "")
