"""What a replay showed: who was on time on which clock, who waited, what was wasted.

Two clocks. On the arrival clock a clip is on time within its tier's target after it was asked for.
On the promise clock a deferred job is on time by the time that was promised when it was deferred.
A shed job is late on both. A clip that was made lighter counts as the work that it became, of
that which was asked for.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from autoscaling.decisions import Defer, Shed
from autoscaling.replay.engine import Record, Told
from autoscaling.replay.jobs import SimJob
from autoscaling.replay.scenarios import HOUR

TOGETHER_S: Final = 10.0
"""A paid job shed so shortly after a lower one was let in is an inversion."""
STARVED: Final = 10.0
"""In targets: who waits that much longer was starved, unless it was promised so."""

Measures = dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One replay's figures."""

    overall: Measures
    tiers: dict[str, Measures]


def measure(record: Record, paid_from: int) -> Result:
    """All figures; `paid_from` is the rank of the lowest paid tier."""
    jobs = record.jobs
    names = list(dict.fromkeys(job.tier for job in sorted(jobs, key=lambda job: job.rank)))
    hours = record.scenario.hours
    tiers = {
        name: _of_tier([job for job in jobs if job.tier == name])
        | {"gate_flips_per_hour": record.flips.get(name, 0) / hours}
        for name in names
    }
    return Result(overall=_overall(record, paid_from), tiers=tiers)


def _overall(record: Record, paid_from: int) -> Measures:
    jobs, scenario = record.jobs, record.scenario
    offered = sum(job.asked_gpu_s for job in jobs)
    held = sum(job.held_gpu_s for job in jobs)
    promised = [job for job in jobs if job.promised_by is not None]
    lengths = [job.promised_by - job.arrived_at for job in promised if job.promised_by]
    return {
        "goodput_arrival": sum(job.size.gpu_s for job in jobs if arrived_in_time(job)) / offered,
        "goodput_promise": sum(job.size.gpu_s for job in jobs if kept_in_time(job)) / offered,
        "waste": sum(job.held_gpu_s for job in jobs if not kept_in_time(job)) / max(1.0, held),
        "inversions": float(inversions(record.told, paid_from)),
        "promise_coverage": _mean(kept_in_time(job) for job in promised),
        "promise_p50_s": percentile(lengths, 0.5),
        "promise_max_s": max(lengths, default=0.0),
        "promise_overrun_max": max(map(_overrun, promised), default=0.0),
        "gate_flips_per_hour": max(record.flips.values(), default=0) / scenario.hours,
        "starved": float(sum(map(starved, jobs))),
        "wait_max_s": max(map(waited_s, jobs), default=0.0),
        "utilisation": record.used_gpu_s / (scenario.gpus * scenario.hours * HOUR),
        "preemptions": float(sum(job.preemptions for job in jobs)),
        "jobs": float(len(jobs)),
    }


def _of_tier(jobs: Sequence[SimJob]) -> Measures:
    promised = [job for job in jobs if job.promised_by is not None]
    waits = [job.started_at - job.arrived_at for job in jobs if job.started_at is not None]
    return {
        "slo_arrival": _mean(map(arrived_in_time, jobs)),
        "slo_promise": _mean(map(kept_in_time, jobs)),
        "shed": _mean(isinstance(job.decision, Shed) for job in jobs),
        "deferred": _mean(isinstance(job.decision, Defer) for job in jobs),
        "lighter": _mean(job.lightened for job in jobs),
        "promise_coverage": _mean(map(kept_in_time, promised)),
        "promise_overrun_max": max(map(_overrun, promised), default=0.0),
        "wait_p50_s": percentile(waits, 0.5),
        "wait_p99_s": percentile(waits, 0.99),
        "jain": jain(jobs),
        "jobs": float(len(jobs)),
    }


def arrived_in_time(job: SimJob) -> bool:
    return job.finished_at is not None and job.finished_at <= job.deadline


def kept_in_time(job: SimJob) -> bool:
    return job.finished_at is not None and job.finished_at <= job.clock


def starved(job: SimJob) -> bool:
    """Waited ten times its target; a promised job, ten times what was promised."""
    return waited_s(job) > STARVED * (job.clock - job.arrived_at)


def waited_s(job: SimJob) -> float:
    """Until its first step; nothing for one that was shed."""
    return 0.0 if job.started_at is None else job.started_at - job.arrived_at


def inversions(told: Iterable[Told], paid_from: int) -> int:
    """Paid jobs that were shed within seconds after a job of a lower tier was let in or kept."""
    lately: dict[int, float] = {}
    count = 0
    for answer in told:
        if not answer.shed:
            lately[answer.rank] = answer.at
        elif answer.rank >= paid_from:
            count += any(
                rank < answer.rank and answer.at - at <= TOGETHER_S for rank, at in lately.items()
            )
    return count


def jain(jobs: Iterable[SimJob]) -> float:
    """Fairness between accounts: (sum x)^2 / (n * sum x^2), x being what was made of what each
    asked for, in GPU-seconds; 1 is perfectly fair."""
    asked: dict[str, float] = {}
    made: dict[str, float] = {}
    for job in jobs:
        asked[job.account_id] = asked.get(job.account_id, 0.0) + job.asked_gpu_s
        if job.finished_at is not None:
            made[job.account_id] = made.get(job.account_id, 0.0) + job.size.gpu_s
    parts = [made.get(name, 0.0) / gpu_s for name, gpu_s in asked.items()]
    squares = sum(part * part for part in parts)
    return sum(parts) ** 2 / (len(parts) * squares) if squares else 1.0


def percentile(values: Iterable[float], part: float) -> float:
    """The value that `part` of all do not exceed; 0 of none."""
    ranked = sorted(values)
    return ranked[max(0, ceil(part * len(ranked)) - 1)] if ranked else 0.0


def _overrun(job: SimJob) -> float:
    """Actual over promised wait; unfinished counts as endless."""
    assert job.promised_by is not None
    if job.finished_at is None:
        return float("inf")
    return (job.finished_at - job.arrived_at) / (job.promised_by - job.arrived_at)


def _mean(values: Iterable[float]) -> float:
    """1 of none: nothing went wrong."""
    listed = list(values)
    return sum(listed) / len(listed) if listed else 1.0
