"""The queue as it stands, and as it empties."""

from dataclasses import replace

import pytest

from serve.telemetry.catalogue import gate, jobs
from serve.telemetry.metrics import Metrics
from tests.unit.serve.telemetry.scraping import JOB, TIERS, value, waiting

OURS = {"model": "tiny", "tier": "free"}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(TIERS, ["tiny"])


def test_depth_and_backlog_are_shown_by_tier_and_empty(metrics: Metrics) -> None:
    depth, backlog = jobs.WAITING.name, jobs.BACKLOG.name
    metrics.queue.ordered([waiting("a", 1, 5.0), waiting("b", 1, 7.5), waiting("c", 2, 1.0)], 0.0)
    assert value(metrics, depth, **OURS) == 2
    assert value(metrics, backlog, **OURS) == 12.5
    assert value(metrics, depth, model="tiny", tier="pro") == 1
    metrics.queue.ordered([waiting("c", 2, 1.0)], 0.0)
    assert value(metrics, depth, **OURS) == 0
    assert value(metrics, backlog, **OURS) == 0
    metrics.queue.ordered([waiting("a", 17, 1.0)], 0.0)
    assert value(metrics, depth, model="tiny", tier="other") == 1


def test_late_is_who_cannot_be_there_in_time_any_more(metrics: Metrics) -> None:
    job = waiting("a", 1, 5.0, deadline=100.0, standalone_s=30.0)
    metrics.queue.ordered([job], 70.0)
    assert value(metrics, jobs.LATE.name, **OURS) == 0
    metrics.queue.ordered([job], 70.5)
    assert value(metrics, jobs.LATE.name, **OURS) == 1


def test_the_queue_s_age_is_that_of_who_waits_longest(metrics: Metrics) -> None:
    young = replace(JOB, created_at=1_900.0)
    released = replace(JOB, created_at=1_000.0, released_at=1_950.0, promised_by=1_990.0)
    suspended = replace(JOB, created_at=1_000.0, suspended_at=1_980.0)
    jobs_now = [young, released, suspended]
    metrics.queue.standing(
        waiting=jobs_now,
        held_back=[replace(JOB, created_at=0.0)],
        deferred=[JOB],
        running=[JOB],
        now=2_000.0,
    )
    assert value(metrics, jobs.HELD_BACK.name, **OURS) == 1
    assert value(metrics, jobs.OLDEST_WAIT.name, **OURS) == 100.0
    assert value(metrics, jobs.SUSPENDED.name, **OURS) == 1
    assert value(metrics, jobs.DEFERRED.name, tier="free") == 1
    assert value(metrics, gate.PROMISES_OVERDUE.name, tier="free") == 1
    assert value(metrics, gate.PROMISES_OVERDUE.name, tier="pro") == 0
    metrics.queue.standing(waiting=[], held_back=[], deferred=[], running=[], now=2_000.0)
    assert value(metrics, jobs.OLDEST_WAIT.name, **OURS) == 0
    assert value(metrics, gate.PROMISES_OVERDUE.name, tier="free") == 0


def test_running_jobs_are_shown_by_phase(metrics: Metrics) -> None:
    running = [JOB, replace(JOB, phase=None)]
    metrics.queue.standing(waiting=[], held_back=[], deferred=[], running=running, now=0.0)
    assert value(metrics, jobs.RUNNING.name, model="tiny", phase="denoise") == 1
    assert value(metrics, jobs.RUNNING.name, model="tiny", phase="starting") == 1
