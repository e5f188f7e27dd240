"""Who gives way to a paid job that would be late: at a step boundary, and not without bounds.

A job that gives way keeps its steps; it costs one more start. Three guards keep that rare: the
paid job must be near to late, nobody gives way more than twice, and whoever gave way for the
longest suspension goes first (`ordering.Band.RESUMED`). Where only paid jobs run, one with time to
spare gives way: else a short clip that must be there in a minute waits for long ones that need not.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from autoscaling.ordering import Waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class PreemptionRule:
    """`gap` is in standalone times: a paid job with more slack than that waits."""

    gap: float = 0.8
    most_preemptions: int = 2
    least_steps_left: int = 5
    paid_spare: float = 1.5
    """A paid job gives way only if it is in time by this many times what the other takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A job on a gang; `slack_s` is how much later it could end and still be in time."""

    job_id: str
    paid: bool
    degree: int
    """GPUs of its gang."""
    steps_left: int
    preemptions: int
    slack_s: float


def is_urgent(job: Waiting, now: float, rule: PreemptionRule) -> bool:
    """Whether a waiting paid job would be late if it had to wait for much longer, and may yet be
    in time: nobody gives way to what is late anyway."""
    return job.paid and 0 <= job.slack_s(now) < rule.gap * job.standalone_s


def gives_way(
    running: Iterable[Running], rule: PreemptionRule, *, least_degree: int, takes_s: float
) -> Running | None:
    """The running job that gives its gang to a paid one that `takes_s`: the one that can best
    afford it, and a paid one only if there is no other."""
    able = [
        job
        for job in running
        if job.degree >= least_degree
        and job.steps_left > rule.least_steps_left
        and job.preemptions < rule.most_preemptions
        and (not job.paid or job.slack_s > rule.paid_spare * takes_s)
    ]
    return max(able, key=lambda job: (not job.paid, job.slack_s, job.job_id), default=None)
