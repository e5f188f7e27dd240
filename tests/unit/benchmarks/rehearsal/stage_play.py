"""A small rehearsal that is over: three jobs, at ten times the speed of life."""

from dataclasses import replace

from autoscaling.replay.jobs import SMALL, SimJob
from benchmarks.rehearsal.asking import Answer
from benchmarks.rehearsal.outcome import Rehearsed
from benchmarks.rehearsal.workload import CROWD
from serve.jobs.job import Job, Note, Status, Timings
from tests.unit.serve.attempts.scene import JOB

BEGAN_AT = 1_000.0
FACTOR = 10.0


def sim(number: int, tier: str, rank: int, arrived_at: float) -> SimJob:
    return SimJob(
        number=number,
        arrived_at=arrived_at,
        rank=rank,
        tier=tier,
        account_id=f"acct_{tier}",
        size=SMALL,
        true_gpu_s=SMALL.gpu_s,
        slo_scale=10.0,
    )


def answer(number: int, at: float, job_id: str | None, ready_by: int | None = None) -> Answer:
    return Answer(
        number=number,
        planned_at=at,
        sent_at=at + 0.25,
        answered_at=at + 0.5,
        status=200 if job_id else 429,
        job_id=job_id,
        ready_by=ready_by,
        retry_after_s=None if job_id else 30.0,
        reason=None,
        tries=1,
    )


def row(job_id: str, started_at: float, completed_at: float) -> Job:
    return replace(
        JOB,
        id=job_id,
        status=Status.COMPLETED,
        started_at=started_at,
        completed_at=completed_at,
        timings=Timings(gpu_s=4.0),
        history=(Note(at=started_at, what="started", reason="paid", text="At once."),),
    )


LET_IN = row("a", 1_001.0, 1_005.0)
PROMISED = replace(
    row("b", 1_020.0, 1_025.0), promised_by=1_030.5, predicted_wait_s=20.0, preemptions=1
)
OVER = Rehearsed(
    scenario=CROWD,
    factor=FACTOR,
    began_at=BEGAN_AT,
    jobs=[sim(0, "pro", 3, 0.0), sim(1, "new", 0, 20.0), sim(2, "new", 0, 30.0)],
    answers=[
        answer(0, 1_000.0, "a"),
        answer(1, 1_002.0, "b", ready_by=1_030),
        answer(2, 1_003.0, None),
    ],
    rows={"a": LET_IN, "b": PROMISED},
    num_rows=2,
    clips={"a": 1, "b": 1},
    flips={"new": 3},
)
