"""What a Gateway measures itself: whether it hears the Scheduler, who measures all else."""

from prometheus_client import CollectorRegistry, generate_latest

from serve.telemetry.catalogue import cluster
from serve.telemetry.gauges import Readings


def hearing(up: bool, age_s: float | None) -> bytes:
    """In Prometheus' text format; `age_s` is None before anything was heard."""
    registry = CollectorRegistry()
    Readings(cluster.UP, registry).show({(): up})
    Readings(cluster.SNAPSHOT_AGE, registry).show({(): age_s})
    return generate_latest(registry)
