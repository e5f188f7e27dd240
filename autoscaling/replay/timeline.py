"""What a replay looked like over time: who waits, who was turned aside, how long clips took."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from autoscaling.decisions import Admit
from autoscaling.replay.engine import Record
from autoscaling.replay.jobs import SimJob
from autoscaling.replay.measures import percentile
from autoscaling.replay.scenarios import HOUR

QUEUE_EVERY_S: Final = 60.0
FLOW_EVERY_S: Final = 1_200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TierLine:
    """One tier's values, a list per moment or period of the timeline."""

    waiting: tuple[int, ...]
    """Jobs that were let in and have not begun, at each of `queue_at`."""
    promised: tuple[int, ...]
    """Deferred jobs that have not begun."""
    aside: tuple[float | None, ...]
    """Part of the requests of each period that was not let in at once; None without requests."""
    took_p50_s: tuple[float | None, ...]
    """From the request to the clip, by when it was asked for; None where no clip was made."""
    took_p90_s: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """`queue_at` are moments, `flow_at` the middles of periods, in seconds from the beginning."""

    queue_at: tuple[float, ...]
    flow_at: tuple[float, ...]
    tiers: dict[str, TierLine]


def timeline(record: Record) -> Timeline:
    """Of one seed, until the last clip is there; the highest tier comes last."""
    ends_s = max(
        [record.scenario.hours * HOUR, *(j.finished_at for j in record.jobs if j.finished_at)]
    )
    queue_at = tuple(n * QUEUE_EVERY_S for n in range(int(ends_s / QUEUE_EVERY_S) + 1))
    num_periods = int(record.scenario.hours * HOUR / FLOW_EVERY_S)
    by_rank = sorted(record.jobs, key=lambda job: job.rank)
    return Timeline(
        queue_at=queue_at,
        flow_at=tuple((n + 0.5) * FLOW_EVERY_S for n in range(num_periods)),
        tiers={
            name: _line([job for job in record.jobs if job.tier == name], queue_at, num_periods)
            for name in dict.fromkeys(job.tier for job in by_rank)
        },
    )


def _line(jobs: Sequence[SimJob], queue_at: Sequence[float], num_periods: int) -> TierLine:
    periods: list[list[SimJob]] = [[] for _ in range(num_periods)]
    for job in jobs:
        periods[min(num_periods - 1, int(job.arrived_at / FLOW_EVERY_S))].append(job)
    took = [
        [job.finished_at - job.arrived_at for job in period if job.finished_at is not None]
        for period in periods
    ]
    return TierLine(
        waiting=not_begun([j for j in jobs if isinstance(j.decision, Admit)], queue_at),
        promised=not_begun([j for j in jobs if j.promised_by is not None], queue_at),
        aside=tuple(_aside(period) for period in periods),
        took_p50_s=tuple(percentile(period, 0.5) if period else None for period in took),
        took_p90_s=tuple(percentile(period, 0.9) if period else None for period in took),
    )


def not_begun(jobs: Sequence[SimJob], moments: Sequence[float]) -> tuple[int, ...]:
    """How many of the jobs had come and not begun, at each moment."""
    came = sorted(job.arrived_at for job in jobs)
    began = sorted(job.started_at for job in jobs if job.started_at is not None)
    return tuple(bisect_right(came, at) - bisect_right(began, at) for at in moments)


def _aside(jobs: Sequence[SimJob]) -> float | None:
    if not jobs:
        return None
    return sum(not isinstance(job.decision, Admit) for job in jobs) / len(jobs)
