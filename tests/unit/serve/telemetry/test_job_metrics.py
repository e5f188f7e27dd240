"""Jobs as they are measured: their waits, what they took, how they ended."""

from dataclasses import replace

import pytest

from serve.jobs.job import Failure, Status
from serve.telemetry.catalogue import jobs
from serve.telemetry.metrics import Metrics
from tests.unit.serve.telemetry.scraping import DONE, JOB, PROMPT, TIERS, value

OURS = {"model": "tiny", "tier": "free"}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(TIERS, ["tiny"])


def test_ended_jobs_are_counted_by_outcome_and_reason(metrics: Metrics) -> None:
    crash = Failure(code="worker_crashed", message=f"It broke on {PROMPT}.")
    for job in (
        DONE,
        DONE,
        replace(DONE, status=Status.FAILED, failure=crash),
        replace(DONE, status=Status.CANCELLED, tier="pro"),
    ):
        metrics.jobs.finished(job, in_time=True)
    ended = jobs.ENDED.name
    assert value(metrics, ended, **OURS, status="completed", reason="none") == 2
    assert value(metrics, ended, **OURS, status="failed", reason="worker_crashed") == 1
    assert value(metrics, ended, model="tiny", tier="pro", status="cancelled", reason="none") == 1


def test_waits_count_from_submission_to_the_first_start(metrics: Metrics) -> None:
    metrics.jobs.began(JOB, in_time=True)
    metrics.jobs.began(replace(JOB, started_at=1_090.0), in_time=False)
    assert value(metrics, "filmgate_job_wait_seconds_sum", **OURS) == 94.0
    assert value(metrics, "filmgate_job_wait_seconds_count", **OURS) == 2
    assert value(metrics, jobs.STARTS.name, **OURS, outcome="in_time") == 1
    assert value(metrics, jobs.STARTS.name, **OURS, outcome="late") == 1


def test_durations_are_those_of_completed_jobs_by_size(metrics: Metrics) -> None:
    metrics.jobs.finished(DONE, in_time=True)
    metrics.jobs.finished(replace(DONE, status=Status.CANCELLED), in_time=False)
    labels = {**OURS, "size_class": "small"}
    assert value(metrics, "filmgate_job_duration_seconds_sum", **labels) == 16.0
    assert value(metrics, "filmgate_job_duration_seconds_count", **labels) == 1
    assert value(metrics, "filmgate_job_duration_seconds_bucket", **labels, le="10.0") == 0
    assert value(metrics, "filmgate_job_duration_seconds_bucket", **labels, le="30.0") == 1
    assert value(metrics, jobs.CLIPS.name, **OURS, outcome="in_time") == 1
    assert value(metrics, jobs.CLIPS.name, **OURS, outcome="late") is None


def test_a_clip_s_length_and_how_much_longer_it_took(metrics: Metrics) -> None:
    metrics.jobs.finished(DONE, in_time=True)
    assert value(metrics, jobs.VIDEO.name, **OURS) == 17 / 8
    factor = value(metrics, f"{jobs.REALTIME.name}_sum", model="tiny", size_class="small")
    assert factor == pytest.approx(8.5 / (17 / 8))


def test_a_clock_that_went_backwards_adds_nothing(metrics: Metrics) -> None:
    metrics.jobs.began(replace(JOB, started_at=990.0), in_time=True)
    metrics.jobs.finished(replace(DONE, completed_at=991.0), in_time=True)
    assert value(metrics, "filmgate_job_wait_seconds_sum", **OURS) == 0
    assert value(metrics, "filmgate_job_duration_seconds_sum", **OURS, size_class="small") == 0


def test_device_time_is_counted_once(metrics: Metrics) -> None:
    for stage, seconds, devices in [("encode", 0.5, 1), ("step", 2.0, 1), ("step", 1.5, 2)]:
        metrics.jobs.observe(JOB, stage, seconds, devices)
    metrics.jobs.observe(JOB, "decode", 0.25, 1)
    metrics.jobs.finished(DONE, in_time=True)
    spent = jobs.GPU_TIME.name
    assert value(metrics, spent, **OURS, stage="encode") == 0.5
    assert value(metrics, spent, **OURS, stage="denoise") == 5.0
    assert value(metrics, spent, **OURS, stage="decode") == 0.25
    assert value(metrics, "filmgate_step_seconds_count", model="tiny") == 2
    assert value(metrics, "filmgate_stage_seconds_sum", model="tiny", stage="denoise") == 8.0
    assert value(metrics, "filmgate_stage_seconds_sum", model="tiny", stage="encode") == 0.5


def test_what_was_in_vain_is_counted_once(metrics: Metrics) -> None:
    metrics.jobs.redone(JOB, 4, 2.5)
    metrics.jobs.redone(JOB, -2, -1.0)
    metrics.jobs.finished(replace(DONE, status=Status.FAILED), in_time=False)
    metrics.jobs.finished(replace(DONE, status=Status.CANCELLED), in_time=False)
    metrics.jobs.finished(DONE, in_time=True)
    wasted = jobs.GPU_WASTED.name
    assert value(metrics, jobs.STEPS_REDONE.name, model="tiny") == 4
    assert value(metrics, wasted, **OURS, reason="redone") == 2.5
    assert value(metrics, wasted, **OURS, reason="failed") == 6.5
    assert value(metrics, wasted, **OURS, reason="cancelled") == 9.0


def test_conditioning_is_counted_by_whether_the_encoder_had_it(metrics: Metrics) -> None:
    for cached in (False, True, True):
        metrics.jobs.encoded(JOB, cached)
    assert value(metrics, jobs.CACHE_HITS.name, model="tiny") == 2
    assert value(metrics, jobs.CACHE_MISSES.name, model="tiny") == 1


def test_breaks_suspensions_and_resumes(metrics: Metrics) -> None:
    metrics.jobs.broke(JOB, "died")
    metrics.jobs.broke(replace(JOB, phase=None), "silent")
    metrics.jobs.suspended(JOB, "gives_way")
    metrics.jobs.resumed(JOB, 4)
    metrics.jobs.resumed(JOB, 0)
    broken = jobs.BROKEN.name
    assert value(metrics, broken, model="tiny", phase="denoise", reason="died") == 1
    assert value(metrics, broken, model="tiny", phase="starting", reason="silent") == 1
    assert value(metrics, jobs.SUSPENSIONS.name, tier="free", reason="gives_way") == 1
    for origin in ("checkpoint", "start"):
        assert value(metrics, jobs.RESUMES.name, **OURS, origin=origin) == 1


def test_a_tier_that_the_settings_lost_is_other(metrics: Metrics) -> None:
    metrics.jobs.observe(replace(JOB, tier="gold"), "encode", 1.0, 1)
    assert value(metrics, jobs.GPU_TIME.name, model="tiny", tier="other", stage="encode") == 1.0
