"""The catalogue, and that all of it is recorded: by the Scheduler, or by the Gateway scraped."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from autoscaling.admission import Situation
from serve.jobs.gate_status import TierStatus
from serve.messages import Answered, GangStatus
from serve.telemetry.catalogue import CATALOGUE
from serve.telemetry.gpu_reading import GpuReading
from serve.telemetry.metrics import Metrics
from serve.telemetry.own_metrics import hearing
from serve.watching.pool_counts import PoolCount
from serve.watching.seen import SeenGpu, SeenReplica
from tests.unit.serve.telemetry.scraping import (
    DONE,
    JOB,
    TIERS,
    read,
    samples,
    sight,
    value,
    waiting,
)

READING = GpuReading(
    gpu="0",
    name="H100",
    driver="570",
    utilisation=0.5,
    memory_used_bytes=1,
    memory_total_bytes=2,
    power_w=700.0,
    power_limit_w=700.0,
    temperature_c=60.0,
    throttled=("power",),
    xid_errors=1,
    last_xid=94,
)
REPLICA = SeenReplica(
    replica="r1",
    node="host",
    pid=1,
    model="tiny",
    stage="denoise",
    shape="1",
    phase="denoise",
    ready_at=10.0,
    load_s=5.0,
    gpus=(READING,),
)
POOL = PoolCount(
    pool="Denoiser-tiny-1",
    model="tiny",
    stage="denoise",
    shape="1",
    wanted=2,
    running=1,
    starting=1,
    least=1,
    most=2,
    at_limit=True,
)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(TIERS, ["tiny"])


def gang(replica: str) -> GangStatus:
    return GangStatus(
        replica=replica, pid=1, model="tiny", shape="1", devices=1, job_id="video_7", step=0
    )


def record(metrics: Metrics) -> None:
    """Something of everything."""
    metrics.epoch(1)
    jobs = metrics.jobs
    jobs.began(JOB, in_time=True)
    jobs.observe(JOB, "encode", 0.1, 1)
    jobs.observe(JOB, "step", 0.1, 1)
    jobs.encoded(JOB, True)
    jobs.encoded(JOB, False)
    jobs.resumed(JOB, 3)
    jobs.redone(JOB, 1, 0.5)
    jobs.broke(JOB, "died")
    jobs.suspended(JOB, "gives_way")
    jobs.finished(DONE, in_time=True)
    metrics.queue.ordered([waiting("a", 0, 1.0)], 5.0)
    gave_way = replace(JOB, suspended_at=1_900.0)
    metrics.queue.standing(
        waiting=[gave_way], held_back=[JOB], deferred=[JOB], running=[JOB], now=2_000.0
    )
    record_cluster(metrics)
    record_policy(metrics, sight())


def record_cluster(metrics: Metrics) -> None:
    metrics.cluster.gangs([gang("r1")])
    metrics.cluster.came_up([REPLICA], {"r1": "1"})
    metrics.cluster.pools([POOL], 4.0)
    metrics.cluster.disk(10, 5)
    seen = SeenGpu(
        node="host",
        reading=READING,
        phase="denoise",
        reader="r1",
        replicas=("r1",),
        models=("tiny",),
        gangs=(("tiny", "tp2"),),
    )
    metrics.gpus.show([seen])


def record_policy(metrics: Metrics, seen: Situation) -> None:
    policy = metrics.policy
    policy.looked(seen, {"new": 1})
    policy.stood(gates(), ())
    policy.owes(seen.rules.tiers, 30.0)
    policy.corrected({("tiny", "denoise"): 1.5})
    policy.waitlist(3, 1)
    policy.answered(
        [
            Answered(
                model="tiny", tier="new", outcome="shed", reason="tier_shed", requests=1, gpu_s=1.0
            )
        ]
    )


def gates() -> Iterable[TierStatus]:
    for name, state in zip(TIERS, ("shedding", "deferring", "open"), strict=True):
        yield TierStatus(
            name=name,
            gate=state,
            saturation=1.0,
            aside=0.0,
            flips=0,
            waiting=0,
            running=0,
            deferred=0,
            drain_s=20.0,
            promised_gpu_s=0.0,
            offered=0.0,
            refused=0.0,
        )


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


def test_everything_declared_is_exposed_once_and_nothing_else(metrics: Metrics) -> None:
    told = hearing(True, 0.5) + metrics.exposition()
    types = [line.split()[2:] for line in told.decode().splitlines() if line.startswith("# TYPE")]
    assert sorted(types) == sorted([metric.name, metric.kind] for metric in CATALOGUE)


def test_every_metric_can_be_recorded(metrics: Metrics) -> None:
    record(metrics)
    told = samples(hearing(True, 0.5) + metrics.exposition())
    recorded = {
        name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name, _ in told
    }
    assert recorded == {metric.name for metric in CATALOGUE}


def test_two_registries_share_nothing(metrics: Metrics) -> None:
    metrics.epoch(5)
    second = Metrics(("free",))
    second.epoch(6)
    assert value(metrics, "filmgate_scheduler_epoch") == 5
    assert value(second, "filmgate_scheduler_epoch") == 6


def test_no_id_and_no_prompt_is_ever_exposed(metrics: Metrics) -> None:
    record(metrics)
    text = metrics.exposition().decode()
    for private in ("video_7", "account_9", "lighthouse", "drizzle"):
        assert private not in text


def test_a_gateway_that_hears_nothing_says_so() -> None:
    silent = samples(hearing(False, None))
    assert silent == {("filmgate_scheduler_up", frozenset()): 0.0}
    assert samples(hearing(True, 0.5))["filmgate_snapshot_age_seconds", frozenset()] == 0.5


def test_the_build_is_told(metrics: Metrics) -> None:
    assert any(name == "filmgate_build_info" for name, _ in read(metrics))
