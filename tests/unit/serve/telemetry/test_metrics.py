"""What the Scheduler tells the metrics, and what a scrape then reads."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from autoscaling.load import Load, TierLoad
from autoscaling.ordering import Waiting
from serve.jobs.job import Failure, Status
from serve.messages import Answered, GangStatus
from serve.telemetry.catalogue import CATALOGUE, cluster, jobs
from serve.telemetry.metrics import Metrics
from tests.unit.serve.telemetry.scraping import DONE, JOB, PROMPT, read, value


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(("new", "free", "pro"), ["tiny"])


def waiting(job_id: str, tier_rank: int, gpu_s: float) -> Waiting:
    return Waiting(
        job_id=job_id, model="tiny", tier_rank=tier_rank, created_at=0.0, predicted_gpu_s=gpu_s
    )


def gangs(*job_ids: str | None) -> Iterable[GangStatus]:
    for number, job_id in enumerate(job_ids):
        yield GangStatus(
            replica=f"r{number}",
            pid=number,
            model="tiny",
            shape="1",
            devices=1,
            job_id=job_id,
            step=0,
        )


def record_policy(metrics: Metrics) -> None:
    nothing, load = (0.0, 0.0, 0.0), Load(gpus=1.0, tiers=(TierLoad(),) * 3)
    answer = Answered(
        model="tiny", tier="new", outcome="shed", reason="tier_shed", requests=1, gpu_s=1.0
    )
    metrics.policy.looked(load, nothing, nothing, {"new": 0})
    metrics.policy.deferred(["free"])
    metrics.policy.suspended("free", "gives_way")
    metrics.policy.answered([answer])
    metrics.policy.finished(replace(DONE, promised_by=1_020.0))


def test_names_are_ours_unique_and_end_in_their_unit() -> None:
    names = [metric.name for metric in CATALOGUE]
    assert len(set(names)) == len(names)
    for metric in CATALOGUE:
        assert metric.name.startswith("filmgate_")
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert (metric.kind == "histogram") == bool(metric.buckets)
        if metric.kind == "histogram":
            assert metric.name.endswith(("_seconds", "_ratio"))
            assert list(metric.buckets) == sorted(set(metric.buckets))
        assert metric.help.endswith(".")


def test_labels_are_bounded_ones() -> None:
    known = {"model", "tier", "status", "reason", "stage", "phase", "shape", "state", "version"}
    known |= {"kind", "outcome", "size_class", "origin", "store", "role"}
    known |= {"node", "gpu", "name", "driver"}
    assert {label for metric in CATALOGUE for label in metric.labels} <= known


def test_everything_declared_is_exposed_and_nothing_else(metrics: Metrics) -> None:
    types = [
        line.split()[2:]
        for line in metrics.exposition().decode().splitlines()
        if line.startswith("# TYPE")
    ]
    assert not [each for each in types if each not in [[m.name, m.kind] for m in CATALOGUE]]


def test_every_metric_can_be_recorded(metrics: Metrics) -> None:
    metrics.epoch(1)
    metrics.observe(JOB, "encode", 0.1, 1)
    metrics.observe(JOB, "step", 0.1, 1)
    metrics.encoded(JOB, True)
    metrics.encoded(JOB, False)
    metrics.redone(JOB, 1)
    metrics.finished(DONE)
    metrics.queue([waiting("a", 0, 1.0)])
    metrics.running([JOB])
    metrics.gangs(gangs(None))
    record_policy(metrics)
    recorded = {
        name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count")
        for name, _ in read(metrics)
    }
    assert recorded <= {metric.name for metric in CATALOGUE}


def test_ended_jobs_are_counted_by_outcome_and_reason(metrics: Metrics) -> None:
    crash = Failure(code="worker_crashed", message=f"It broke on {PROMPT}.")
    metrics.finished(DONE)
    metrics.finished(DONE)
    metrics.finished(replace(DONE, status=Status.FAILED, failure=crash))
    metrics.finished(replace(DONE, status=Status.CANCELLED, tier="pro", started_at=None))
    ended = jobs.ENDED.name
    labels = {"model": "tiny", "tier": "free"}
    assert value(metrics, ended, **labels, status="completed", reason="none") == 2
    assert value(metrics, ended, **labels, status="failed", reason="worker_crashed") == 1
    assert value(metrics, ended, model="tiny", tier="pro", status="cancelled", reason="none") == 1


def test_wait_and_duration_count_from_submission(metrics: Metrics) -> None:
    metrics.finished(DONE)
    metrics.finished(replace(DONE, status=Status.CANCELLED, started_at=None))
    labels = {"model": "tiny", "tier": "free"}
    assert value(metrics, "filmgate_job_wait_seconds_sum", **labels) == 4.0
    assert value(metrics, "filmgate_job_wait_seconds_count", **labels) == 1
    labels["size_class"] = "small"
    assert value(metrics, "filmgate_job_duration_seconds_sum", **labels) == 16.0
    assert value(metrics, "filmgate_job_duration_seconds_count", **labels) == 1
    assert value(metrics, "filmgate_job_duration_seconds_bucket", **labels, le="10.0") == 0
    assert value(metrics, "filmgate_job_duration_seconds_bucket", **labels, le="30.0") == 1


def test_a_clock_that_went_backwards_adds_nothing(metrics: Metrics) -> None:
    metrics.finished(replace(DONE, started_at=990.0, completed_at=991.0))
    labels = {"model": "tiny", "tier": "free"}
    assert value(metrics, "filmgate_job_wait_seconds_sum", **labels) == 0
    assert value(metrics, "filmgate_job_duration_seconds_sum", **labels, size_class="small") == 0


def test_device_time_is_counted_once(metrics: Metrics) -> None:
    for stage, seconds in [("encode", 0.5), ("step", 2.0), ("step", 3.0), ("decode", 0.25)]:
        metrics.observe(JOB, stage, seconds, 1)
    metrics.finished(DONE)
    spent = jobs.GPU_TIME.name
    labels = {"model": "tiny", "tier": "free"}
    assert value(metrics, spent, **labels, stage="encode") == 0.5
    assert value(metrics, spent, **labels, stage="denoise") == 5.0
    assert value(metrics, spent, **labels, stage="decode") == 0.25
    assert value(metrics, "filmgate_step_seconds_count", model="tiny") == 2
    assert value(metrics, "filmgate_stage_seconds_sum", model="tiny", stage="denoise") == 8.0
    assert value(metrics, "filmgate_stage_seconds_sum", model="tiny", stage="encode") == 0.5


def test_conditioning_is_counted_by_whether_the_encoder_had_it(metrics: Metrics) -> None:
    for cached in (False, True, True):
        metrics.encoded(JOB, cached)
    assert value(metrics, "filmgate_encoder_cache_hits_total", model="tiny") == 2
    assert value(metrics, "filmgate_encoder_cache_misses_total", model="tiny") == 1


def test_redone_steps_never_shrink(metrics: Metrics) -> None:
    metrics.redone(JOB, 4)
    metrics.redone(JOB, -2)
    assert value(metrics, "filmgate_steps_redone_total", model="tiny") == 4


def test_the_queue_is_shown_by_tier_and_empties(metrics: Metrics) -> None:
    depth, backlog = jobs.WAITING.name, jobs.BACKLOG.name
    metrics.queue([waiting("a", 1, 5.0), waiting("b", 1, 7.5), waiting("c", 2, 1.0)])
    assert value(metrics, depth, model="tiny", tier="free") == 2
    assert value(metrics, backlog, model="tiny", tier="free") == 12.5
    assert value(metrics, depth, model="tiny", tier="pro") == 1
    metrics.queue([waiting("c", 2, 1.0)])
    assert value(metrics, depth, model="tiny", tier="free") == 0
    assert value(metrics, backlog, model="tiny", tier="free") == 0
    assert value(metrics, depth, model="tiny", tier="pro") == 1


def test_gangs_and_running_jobs_are_levels_too(metrics: Metrics) -> None:
    metrics.gangs(gangs("video_7", None, None))
    metrics.running([JOB, replace(JOB, phase=None)])
    gang = cluster.GANGS.name
    assert value(metrics, gang, model="tiny", shape="1", state="busy") == 1
    assert value(metrics, gang, model="tiny", shape="1", state="free") == 2
    assert value(metrics, "filmgate_jobs_running", model="tiny", phase="denoise") == 1
    assert value(metrics, "filmgate_jobs_running", model="tiny", phase="starting") == 1
    metrics.gangs([])
    metrics.running([])
    assert value(metrics, gang, model="tiny", shape="1", state="busy") == 0
    assert value(metrics, "filmgate_jobs_running", model="tiny", phase="denoise") == 0


def test_a_tier_that_the_settings_lost_is_other(metrics: Metrics) -> None:
    metrics.observe(replace(JOB, tier="gold"), "encode", 1.0, 1)
    metrics.queue([waiting("a", 17, 1.0)])
    spent = jobs.GPU_TIME.name
    assert value(metrics, spent, model="tiny", tier="other", stage="encode") == 1.0
    assert value(metrics, "filmgate_jobs_waiting", model="tiny", tier="other") == 1


def test_two_registries_share_nothing(metrics: Metrics) -> None:
    metrics.epoch(5)
    second = Metrics(("free",))
    second.epoch(6)
    assert value(metrics, "filmgate_scheduler_epoch") == 5
    assert value(second, "filmgate_scheduler_epoch") == 6


def test_no_id_and_no_prompt_is_ever_exposed(metrics: Metrics) -> None:
    metrics.observe(JOB, "step", 1.0, 1)
    metrics.finished(DONE)
    metrics.queue([waiting("video_7", 1, 5.0)])
    metrics.gangs(gangs("video_7"))
    metrics.running([JOB])
    text = metrics.exposition().decode()
    for private in ("video_7", "account_9", "lighthouse", "drizzle"):
        assert private not in text
