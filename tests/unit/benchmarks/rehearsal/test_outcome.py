"""A rehearsal as the replay's measures take it, and what of it was lost or doubled."""

from dataclasses import replace

import pytest

from autoscaling.decisions import Admit, Defer, Shed
from autoscaling.replay.measures import measure
from benchmarks.rehearsal.outcome import (
    doubled,
    forgotten,
    late_paid,
    longest_answer_s,
    most_late_s,
    moved_promises,
    record_of,
    story_of,
)
from serve.jobs.job import Status
from tests.unit.benchmarks.rehearsal.stage_play import LET_IN, OVER, PROMISED, answer


def test_times_are_those_of_the_scenario() -> None:
    record = record_of(OVER)
    pro, promised, shed = record.jobs
    assert [type(job.decision) for job in record.jobs] == [Admit, Defer, Shed]
    assert (pro.started_at, pro.finished_at, pro.held_gpu_s) == (10.0, 50.0, 40.0)
    assert (promised.promised_by, promised.predicted_s) == (305.0, 200.0)
    assert promised.preemptions == 1
    assert (shed.started_at, shed.finished_at) == (None, None)
    assert [(told.at, told.rank, told.shed) for told in record.told] == [
        (5.0, 3, False),
        (25.0, 0, False),
        (35.0, 0, True),
    ]


def test_the_replays_measures_take_it() -> None:
    result = measure(record_of(OVER), 2)
    assert result.tiers["pro"]["slo_arrival"] == 1.0
    assert result.tiers["new"]["slo_promise"] == 0.5
    assert result.tiers["new"]["shed"] == 0.5
    assert result.overall["promise_coverage"] == 1.0
    assert result.tiers["new"]["gate_flips_per_hour"] == 1.5


def test_nothing_is_wrong_with_a_good_one() -> None:
    assert (forgotten(OVER), doubled(OVER), moved_promises(OVER)) == ([], 0, 0)
    assert most_late_s(OVER.answers) == longest_answer_s(OVER.answers) == pytest.approx(0.25)


def test_a_job_without_its_clip_is_forgotten() -> None:
    failed = replace(OVER, rows={**OVER.rows, "a": replace(LET_IN, status=Status.QUEUED)})
    assert forgotten(failed) == ["a"]
    assert forgotten(replace(OVER, rows={"a": LET_IN})) == ["b"]
    assert forgotten(replace(OVER, clips={"a": 1})) == ["b"]


def test_paid_jobs_that_were_late_are_told_one_by_one() -> None:
    assert late_paid(record_of(OVER).jobs, 2) == []
    slow = replace(OVER, rows={**OVER.rows, "a": replace(LET_IN, completed_at=1_100.0)})
    [late] = late_paid(record_of(slow).jobs, 2)
    assert (late["tier"], late["waited_s"], late["late_s"]) == ("pro", 10, 569)
    assert story_of(slow, late["number"]) == ["10 s started: At once."]


def test_rows_that_nobody_knows_of_and_second_clips_are_doubled() -> None:
    assert doubled(replace(OVER, num_rows=3)) == 1
    assert doubled(replace(OVER, clips={"a": 2})) == 1
    twice = (*OVER.answers[:2], answer(2, 1_003.0, "a"))
    assert doubled(replace(OVER, answers=twice)) == 1


def test_a_promise_that_is_another_has_moved() -> None:
    later = replace(PROMISED, promised_by=1_031.5)
    assert moved_promises(replace(OVER, rows={**OVER.rows, "b": later})) == 1
    assert moved_promises(replace(OVER, rows={**OVER.rows, "a": later})) == 1
