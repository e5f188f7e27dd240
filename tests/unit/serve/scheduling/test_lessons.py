"""What attempts go through, as it reaches the metrics and the operators' page."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from serve.attempts.attempt import GangSilent
from serve.jobs.job import Failure, Status
from serve.messages import StoreErrors
from serve.scheduling.costs import Costs
from serve.scheduling.lessons import Lessons
from serve.settings import Settings
from serve.telemetry.catalogue import cluster, jobs
from serve.watching.observatory import Observatory
from tests.unit.serve.attempts.scene import JOB
from tests.unit.serve.scheduling.policing import policy_of
from tests.unit.serve.telemetry.scraping import value

OURS = {"model": "m", "tier": "free"}


class Sights:
    """Lessons over real metrics."""

    def __init__(self, folder: Path) -> None:
        settings = Settings.from_values({"data_dir": str(folder)})
        engines = SimpleNamespace(faults=SimpleNamespace(count=0))
        artifacts = SimpleNamespace(num_faults=0)
        self.seen = Observatory(settings, engines, artifacts)  # type: ignore[arg-type]
        self.lessons = Lessons(Costs({}), policy_of(), self.seen)

    def counted(self, metric: Any, **labels: str) -> float | None:
        return value(self.seen.metrics, metric.name, **labels)


@pytest.fixture
def sights(tmp_path: Path) -> Sights:
    return Sights(tmp_path)


def test_only_a_first_start_is_in_time_or_late(sights: Sights) -> None:
    first = replace(JOB, attempt=1, started_at=110.0, attempt_started_at=110.0)
    sights.lessons.began(first)
    sights.lessons.began(replace(first, attempt=2, attempt_started_at=9_000.0))
    sights.lessons.began(replace(first, started_at=9_000.0, attempt_started_at=9_000.0))
    assert sights.counted(jobs.STARTS, **OURS, outcome="in_time") == 1
    assert sights.counted(jobs.STARTS, **OURS, outcome="late") == 1


def test_a_second_attempt_goes_on_or_begins_again(sights: Sights) -> None:
    sights.lessons.went_on(replace(JOB, attempt=1), 0)
    sights.lessons.went_on(replace(JOB, attempt=2, step=2), 2)
    sights.lessons.went_on(replace(JOB, attempt=3, step=2), 0)
    assert sights.counted(jobs.RESUMES, **OURS, origin="checkpoint") == 1
    assert sights.counted(jobs.RESUMES, **OURS, origin="start") == 1
    assert sights.counted(jobs.STEPS_REDONE, model="m") == 2


def test_what_broke_and_what_failed_is_on_the_page(sights: Sights) -> None:
    sights.lessons.broke(JOB, GangSilent())
    failure = Failure(code="worker_crashed", message="The worker died three times.")
    sights.lessons.finished(replace(JOB, status=Status.FAILED, failure=failure, completed_at=200.0))
    shown = sights.seen.failures.newest()
    assert [(each.what, each.reason) for each in shown] == [
        ("job", "worker_crashed"),
        ("attempt", "silent"),
    ]
    assert sights.counted(jobs.BROKEN, model="m", phase="starting", reason="silent") == 1


def test_gateways_errors_are_added(sights: Sights) -> None:
    sights.seen.told(StoreErrors(jobs=2, artifacts=1))
    assert sights.counted(cluster.STORE_ERRORS, store="jobs", role="gateway") == 2
    assert sights.counted(cluster.STORE_ERRORS, store="artifacts", role="gateway") == 1
