"""Gangs that come and go, replicas, stores."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from serve.messages import GangStatus
from serve.telemetry.catalogue import cluster
from serve.telemetry.metrics import Metrics
from tests.unit.serve.telemetry.scraping import TIERS, value
from tests.unit.serve.telemetry.test_metrics import POOL, REPLICA, gang

KIND = {"model": "tiny", "shape": "1"}
DENOISE = {"model": "tiny", "stage": "denoise"}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(TIERS, ["tiny"], began_at=100.0)


def gangs(*names: str, busy: bool = True) -> Iterable[GangStatus]:
    return [replace(gang(name), job_id="video_7" if busy else None) for name in names]


def test_gangs_are_busy_or_free_and_then_gone(metrics: Metrics) -> None:
    metrics.cluster.gangs([*gangs("a"), *gangs("b", "c", busy=False)])
    assert value(metrics, cluster.GANGS.name, **KIND, state="busy") == 1
    assert value(metrics, cluster.GANGS.name, **KIND, state="free") == 2
    metrics.cluster.gangs([])
    assert value(metrics, cluster.GANGS.name, **KIND, state="busy") == 0


def test_a_gang_that_is_replaced_was_lost_once(metrics: Metrics) -> None:
    metrics.cluster.gangs(gangs("a", "b"))
    assert value(metrics, cluster.GANGS_LOST.name, **KIND) == 0
    metrics.cluster.gangs(gangs("b", "c"))
    metrics.cluster.gangs(gangs("b", "c"))
    assert value(metrics, cluster.GANGS_LOST.name, **KIND) == 1


def test_gangs_that_a_flood_called_for_are_not_lost_when_it_is_over(metrics: Metrics) -> None:
    for wanted, names in ((2, "ab"), (6, "abcdef"), (2, "abcdef"), (2, "abcd"), (2, "ab")):
        metrics.cluster.gangs(gangs(*names))
        metrics.cluster.pools([replace(POOL, wanted=wanted, running=len(names))], None)
    assert value(metrics, cluster.GANGS_LOST.name, **KIND) == 0
    metrics.cluster.gangs(gangs("a"))
    assert value(metrics, cluster.GANGS_LOST.name, **KIND) == 1


def test_only_what_came_up_since_is_a_cold_start(metrics: Metrics) -> None:
    old = replace(REPLICA, replica="old", ready_at=99.0)
    new = replace(REPLICA, replica="new", ready_at=150.0, load_s=20.0)
    decoder = replace(new, replica="decoder", stage="decode", shape=None, load_s=3.0)
    shapes = {"old": "1", "new": "1"}
    metrics.cluster.came_up([old], shapes)
    metrics.cluster.came_up([old, new, decoder], shapes)
    metrics.cluster.came_up([old, new, decoder], shapes)
    assert value(metrics, cluster.GANGS_STARTED.name, **KIND) == 1
    assert value(metrics, f"{cluster.LOAD.name}_sum", **DENOISE) == 20.0
    assert value(metrics, f"{cluster.LOAD.name}_count", **DENOISE) == 1
    assert value(metrics, f"{cluster.LOAD.name}_sum", model="tiny", stage="decode") == 3.0


def test_pools_show_what_they_have_and_should_have(metrics: Metrics) -> None:
    metrics.cluster.pools([POOL], None)
    labels = {**DENOISE, "shape": "1"}
    shown = {
        name: value(metrics, metric.name, **labels)
        for name, metric in vars(cluster).items()
        if name in ("WANTED", "READY", "STARTING", "LIMIT", "AT_LIMIT")
    }
    assert shown == {"WANTED": 2, "READY": 1, "STARTING": 1, "LIMIT": 2, "AT_LIMIT": 1}
    assert value(metrics, cluster.GPU_BUDGET.name) is None
    metrics.cluster.pools([], 4.0)
    assert value(metrics, cluster.WANTED.name, **labels) is None
    assert value(metrics, cluster.GPU_BUDGET.name) == 4.0


def test_store_errors_begin_at_zero_and_add_up(metrics: Metrics) -> None:
    labels = {"store": "jobs", "role": "gateway"}
    assert value(metrics, cluster.STORE_ERRORS.name, **labels) == 0
    metrics.cluster.store_errors("jobs", "gateway", 2)
    metrics.cluster.store_errors("jobs", "gateway", 1)
    assert value(metrics, cluster.STORE_ERRORS.name, **labels) == 3


def test_a_bucket_has_no_free_space_to_show(metrics: Metrics) -> None:
    metrics.cluster.disk(None, 5)
    assert value(metrics, cluster.ARTIFACTS_FREE.name) is None
    assert value(metrics, cluster.ARTIFACTS_LEAST.name) == 5
    metrics.cluster.disk(7, 5)
    assert value(metrics, cluster.ARTIFACTS_FREE.name) == 7
