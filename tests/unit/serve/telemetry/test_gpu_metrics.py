"""GPUs as they are shown: each once, only what was read, and gone when they are."""

from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from serve.telemetry.catalogue import gpus
from serve.telemetry.gpu_metrics import FORGOTTEN_AFTER_S, GpuMetrics
from serve.telemetry.gpu_reading import GpuReading
from serve.telemetry.metrics import Metrics
from serve.watching.seen import SeenGpu
from tests.unit.serve.telemetry.scraping import TIERS, read, value
from tests.unit.serve.telemetry.test_metrics import READING

HERE = {"node": "host", "gpu": "0"}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(TIERS, ["tiny"])


def seen(reading: GpuReading = READING, *, phase: str = "denoise", reader: str = "a") -> SeenGpu:
    return SeenGpu(
        node="host",
        reading=reading,
        phase=phase,
        reader=reader,
        replicas=(reader,),
        models=(),
        gangs=(("m", "tp2"),),
    )


def test_whose_gang_a_gpu_belongs_to_is_told_while_it_does(metrics: Metrics) -> None:
    metrics.gpus.show([seen()])
    assert value(metrics, gpus.GANG.name, **HERE, model="m", shape="tp2") == 1
    metrics.gpus.show([])
    assert value(metrics, gpus.GANG.name, **HERE, model="m", shape="tp2") is None


def test_what_was_read_is_shown_in_base_units(metrics: Metrics) -> None:
    metrics.gpus.show([seen()])
    shown = {
        gpus.UTILISATION: 0.5,
        gpus.MEMORY_USED: 1,
        gpus.MEMORY_TOTAL: 2,
        gpus.POWER: 700.0,
        gpus.POWER_LIMIT: 700.0,
        gpus.TEMPERATURE: 60.0,
        gpus.LAST_XID: 94,
    }
    assert {m: value(metrics, m.name, **HERE) for m in shown} == shown
    assert value(metrics, gpus.INFO.name, **HERE, name="H100", driver="570") == 1
    assert value(metrics, gpus.THROTTLED.name, **HERE, reason="power") == 1
    assert value(metrics, gpus.THROTTLED.name, **HERE, reason="thermal") == 0


def test_what_was_not_read_is_absent_and_so_is_a_gpu_that_has_gone(metrics: Metrics) -> None:
    blind = GpuReading(gpu="0", name="H100", driver="570", memory_used_bytes=5)
    metrics.gpus.show([seen(blind)])
    assert value(metrics, gpus.MEMORY_USED.name, **HERE) == 5
    for metric in (gpus.UTILISATION, gpus.POWER, gpus.XID_ERRORS):
        assert value(metrics, metric.name, **HERE) is None
    metrics.gpus.show([])
    assert not [name for name, labels in read(metrics) if ("gpu", "0") in labels]


def test_one_phase_at_a_time(metrics: Metrics) -> None:
    for phase in ("denoise", "idle"):
        metrics.gpus.show([seen(phase=phase)])
    phases = {p: value(metrics, gpus.PHASE.name, **HERE, phase=p) for p in ("denoise", "idle")}
    assert phases == {"denoise": 0, "idle": 1}


def test_errors_that_two_processes_saw_count_once(metrics: Metrics) -> None:
    errors = gpus.XID_ERRORS.name
    metrics.gpus.show([seen(replace(READING, xid_errors=0))])
    assert value(metrics, errors, **HERE) == 0
    metrics.gpus.show([seen(replace(READING, xid_errors=2))])
    metrics.gpus.show([seen(replace(READING, xid_errors=2), reader="b")])
    assert value(metrics, errors, **HERE) == 2
    metrics.gpus.show([seen(replace(READING, xid_errors=3), reader="b")])
    assert value(metrics, errors, **HERE) == 3


def test_errors_of_a_gpu_that_has_long_gone_are_forgotten() -> None:
    now, registry = [0.0], CollectorRegistry()
    shown = GpuMetrics(registry, lambda: now[0])

    def errors() -> float | None:
        return registry.get_sample_value(gpus.XID_ERRORS.name, HERE)

    shown.show([seen()])
    now[0] += FORGOTTEN_AFTER_S
    shown.show([])
    assert errors() == 1
    shown.show([seen()])
    now[0] += FORGOTTEN_AFTER_S
    shown.show([])
    assert errors() == 1
    now[0] += 1.0
    shown.show([])
    assert errors() is None
    shown.show([seen(replace(READING, xid_errors=None))])
    shown.show([seen(replace(READING, xid_errors=2), reader="b")])
    assert errors() == 2
