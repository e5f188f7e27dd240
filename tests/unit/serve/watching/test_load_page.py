"""The operators' page, from all that is known at one moment."""

from dataclasses import replace
from typing import Any

from autoscaling.gates import Switches
from autoscaling.ordering import Waiting
from autoscaling.promises import Wish
from serve.jobs.gate_status import TierCounts, gate_status
from serve.jobs.job import Phase, Status
from serve.messages import GangStatus, QueuePlace, Snapshot
from serve.watching.failures import Failures
from serve.watching.load_page import Picture, load_view
from serve.watching.pool_counts import PoolCount
from serve.watching.seen import seen_gpus, seen_replicas
from tests.contract.film_crew import OPEN
from tests.unit.serve.attempts.scene import JOB
from tests.unit.serve.watching.test_seen import gang, vitals

RUNNING = replace(
    JOB, id="run", status=Status.IN_PROGRESS, phase=Phase.DENOISE, step=2, attempt=1, started_at=5.0
)
DECODING = replace(RUNNING, id="decoding", phase=Phase.DECODE)
WAITING = replace(JOB, id="wait", created_at=900.0)
GANG = GangStatus(
    replica="g", pid=7, model="m", shape="tp2", devices=2, job_id="run", step=2, attention="flash"
)
POOL = PoolCount(
    pool="Denoiser-m-tp2",
    model="m",
    stage="denoise",
    shape="tp2",
    wanted=2,
    running=1,
    starting=1,
    least=1,
    most=2,
    at_limit=True,
)


SNAPSHOT = Snapshot(
    epoch=3,
    gangs=(GANG,),
    warm_models=frozenset({"m"}),
    places={"wait": QueuePlace(position=0, eta_s=30.0)},
    running_eta_s={"run": 12.0},
    metrics=b"",
    situation=OPEN,
)
NEXT = Waiting(
    job_id="wait",
    model="m",
    tier_rank=1,
    created_at=900.0,
    predicted_gpu_s=20.0,
    deadline=990.0,
    standalone_s=10.0,
)


def picture(**changes: Any) -> Picture:
    replicas = seen_replicas([gang("g", vitals("0", "1"), busy=True)], [])
    gates = gate_status(
        OPEN,
        flips={},
        counts={"free": TierCounts(waiting=1)},
        refused={},
        typical=Wish(gpu_s=10.0, standalone_s=10.0),
        epoch=3,
        now=1_000.0,
    )
    whole = Picture(
        at=1_000.0,
        version="1.0",
        snapshot=SNAPSHOT,
        waiting={"wait": WAITING},
        deferred={},
        running=[RUNNING, DECODING],
        ordered=[NEXT],
        replicas=replicas,
        gpus=seen_gpus(replicas),
        pools=[POOL],
        gpu_budget=4.0,
        gates=gates,
        failures=Failures(),
    )
    return replace(whole, **changes)


def test_a_gang_shows_its_job_and_where_that_stands() -> None:
    page = load_view(picture())
    (shown,) = page.gangs
    assert (shown.replica, shown.node, shown.shape, shown.attention) == (
        "g",
        "host",
        "tp2",
        "flash",
    )
    assert shown.job is not None
    assert (shown.job.id, shown.job.phase, shown.job.step, shown.job.steps) == (
        "run",
        "denoise",
        2,
        3,
    )
    assert shown.job.eta_seconds == 12.0
    assert [(job.id, job.phase) for job in page.elsewhere] == [("decoding", "decode")]


def test_gpus_say_what_they_do_and_what_is_not_known_is_null() -> None:
    page = load_view(picture())
    assert [(gpu.gpu, gpu.phase, gpu.replicas) for gpu in page.gpus] == [
        ("0", "denoise", ["g"]),
        ("1", "denoise", ["g"]),
    ]
    assert page.gpus[0].utilisation is None


def test_queues_by_model_and_tier() -> None:
    page = load_view(picture())
    (queue,) = page.queues
    assert (queue.model, queue.tier, queue.waiting, queue.gpu_seconds) == ("m", "free", 1, 20.0)
    assert (queue.late, queue.oldest_wait_seconds, queue.eta_seconds) == (1, 100.0, 30.0)
    totals = page.totals
    assert (totals.waiting, totals.running, totals.gangs, totals.gangs_busy) == (1, 2, 1, 1)


def test_gates_with_those_that_operators_closed() -> None:
    closed = replace(OPEN, switches=Switches(rates={"new": 0.0}))
    page = load_view(picture(snapshot=replace(SNAPSHOT, situation=closed)))
    gates = {tier.tier: tier.gate for tier in page.tiers}
    assert (gates["new"], gates["free"], gates["enterprise"]) == ("closed", "open", "open")
    assert next(tier for tier in page.tiers if tier.tier == "free").waiting == 1


def test_replicas_failures_and_the_rest() -> None:
    failures = Failures()
    failures.broke(RUNNING, "died", 999.0)
    page = load_view(picture(failures=failures))
    (pool,) = page.replicas
    assert (pool.wanted, pool.running, pool.at_limit) == (2, 1, True)
    assert [(each.what, each.job_id, each.reason) for each in page.failures] == [
        ("attempt", "run", "died")
    ]
    assert (page.version, page.epoch, page.at, page.gpu_budget) == ("1.0", 3, 1_000.0, 4.0)
    assert "a red ball" not in page.model_dump_json()


def test_before_anything_was_seen_it_is_empty_and_valid() -> None:
    bare = replace(SNAPSHOT, gangs=(), situation=None, places={}, running_eta_s={})
    page = load_view(
        picture(
            snapshot=bare,
            waiting={},
            running=[],
            ordered=[],
            replicas=(),
            gpus=(),
            pools=(),
            gates=None,
            gpu_budget=None,
        )
    )
    assert (page.tiers, page.queues, page.gangs, page.drain_seconds) == ([], [], [], None)
    assert page.totals.oldest_wait_seconds == 0.0
