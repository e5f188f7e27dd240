"""What became of the jobs of a rehearsal, as the replay's measures take it, and what was lost."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from autoscaling.decisions import Admit, Decision, Defer, Reason, Shed
from autoscaling.replay.engine import Record, Told
from autoscaling.replay.jobs import SimJob
from autoscaling.replay.measures import kept_in_time, waited_s
from autoscaling.replay.scenarios import HOUR, Scenario
from benchmarks.rehearsal.asking import Answer
from serve.jobs.job import Job, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """A rehearsal that is over; `began_at` in Unix seconds, `rows` as they ended, by id."""

    scenario: Scenario
    factor: float
    began_at: float
    jobs: Sequence[SimJob]
    answers: Sequence[Answer]
    rows: Mapping[str, Job]
    num_rows: int
    clips: Mapping[str, int]
    """Finished videos of each job in the artifact store."""
    flips: Mapping[str, int] = field(default_factory=dict)


def record_of(rehearsed: Rehearsed) -> Record:
    """In seconds of the scenario. Clocks begin when a request was planned: whatever it waited for
    at our own side counts too."""
    answers = {answer.number: answer for answer in rehearsed.answers}
    jobs = [_job(job, answers[job.number], rehearsed) for job in rehearsed.jobs]
    in_order = sorted(rehearsed.answers, key=lambda answer: answer.answered_at)
    ranks = {job.number: job.rank for job in rehearsed.jobs}
    hours_s = rehearsed.scenario.hours * HOUR
    return Record(
        scenario=rehearsed.scenario,
        jobs=jobs,
        told=[
            Told(
                at=_scenario_s(answer.answered_at, rehearsed),
                rank=ranks[answer.number],
                shed=answer.job_id is None,
            )
            for answer in in_order
        ],
        used_gpu_s=sum(
            job.held_gpu_s for job in jobs if job.finished_at and job.finished_at <= hours_s
        ),
        flips=dict(rehearsed.flips),
    )


def _scenario_s(at: float, rehearsed: Rehearsed) -> float:
    return (at - rehearsed.began_at) * rehearsed.factor


def _job(job: SimJob, answer: Answer, rehearsed: Rehearsed) -> SimJob:
    done = replace(job, tries=1)
    done.decision = _decision(answer, rehearsed)
    row = rehearsed.rows.get(answer.job_id or "")
    if row is None:
        return done
    done.preemptions = row.preemptions
    done.held_gpu_s = row.timings.gpu_s * rehearsed.factor
    if row.started_at is not None:
        done.started_at = _scenario_s(row.started_at, rehearsed)
    if row.promised_by is not None:
        done.promised_by = _scenario_s(row.promised_by, rehearsed)
        done.predicted_s = (row.predicted_wait_s or 0.0) * rehearsed.factor
    if row.status is Status.COMPLETED and row.completed_at is not None:
        done.finished_at = _scenario_s(row.completed_at, rehearsed)
    return done


def _decision(answer: Answer, rehearsed: Rehearsed) -> Decision:
    if answer.job_id is None:
        return Shed(reason=Reason.BUSY, retry_after_s=answer.retry_after_s or 0.0)
    row = rehearsed.rows.get(answer.job_id)
    if row is None or row.promised_by is None:
        return Admit(reason=Reason.OPEN)
    return Defer(
        reason=Reason.BUSY,
        finish_by=_scenario_s(row.promised_by, rehearsed),
        predicted_s=(row.predicted_wait_s or 0.0) * rehearsed.factor,
    )


def late_paid(jobs: Iterable[SimJob], paid_from: int) -> list[dict[str, Any]]:
    """Paid jobs that were not in time, in seconds of the scenario: there are few, and each counts
    for points."""
    return [
        {
            "number": job.number,
            "tier": job.tier,
            "size": job.size.name,
            "took": round(job.true_gpu_s / job.size.gpu_s, 2),
            "arrived_s": round(job.arrived_at),
            "waited_s": round(waited_s(job)),
            "late_s": None if job.finished_at is None else round(job.finished_at - job.clock),
            "gave_way": job.preemptions,
        }
        for job in jobs
        if job.rank >= paid_from and not kept_in_time(job)
    ]


def story_of(rehearsed: Rehearsed, number: int) -> list[str]:
    """What was decided about a job, as its owner is told, in seconds of the scenario."""
    answer = next(each for each in rehearsed.answers if each.number == number)
    row = rehearsed.rows.get(answer.job_id or "")
    return [
        f"{_scenario_s(note.at, rehearsed):.0f} s {note.what}: {note.text}"
        for note in (row.history if row else ())
    ]


def forgotten(rehearsed: Rehearsed) -> list[str]:
    """Jobs that somebody was told of, and of which there is no clip."""
    told = [answer.job_id for answer in rehearsed.answers if answer.job_id]
    return [
        job_id
        for job_id in told
        if (row := rehearsed.rows.get(job_id)) is None
        or row.status is not Status.COMPLETED
        or not rehearsed.clips.get(job_id)
    ]


def doubled(rehearsed: Rehearsed) -> int:
    """Rows of which nobody was told, jobs told of twice, and second videos of one job."""
    told = Counter(answer.job_id for answer in rehearsed.answers if answer.job_id)
    unasked = rehearsed.num_rows - len(told)
    twice = sum(count - 1 for count in told.values())
    return unasked + twice + sum(max(0, count - 1) for count in rehearsed.clips.values())


def moved_promises(rehearsed: Rehearsed) -> int:
    """Promises that are no longer what somebody was told."""
    return sum(
        1
        for answer in rehearsed.answers
        if (row := rehearsed.rows.get(answer.job_id or ""))
        and answer.ready_by != (None if row.promised_by is None else int(row.promised_by))
    )


def longest_answer_s(answers: Iterable[Answer]) -> float:
    """How long the service took to answer a request, at most."""
    return max((answer.answered_at - answer.sent_at for answer in answers), default=0.0)


def most_late_s(answers: Iterable[Answer]) -> float:
    """How much later than planned a request was sent at most: the client's own delay."""
    return max((answer.sent_at - answer.planned_at for answer in answers), default=0.0)
