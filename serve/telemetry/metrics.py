"""Measuring: what passes through the Scheduler becomes the metrics of the catalogue."""

from collections.abc import Collection, Iterator
from importlib.metadata import PackageNotFoundError, version

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client import Metric as FamilyOfSamples
from prometheus_client.registry import Collector

from serve.telemetry.catalogue import cluster
from serve.telemetry.cluster_metrics import ClusterMetrics
from serve.telemetry.gauges import Levels
from serve.telemetry.gpu_metrics import GpuMetrics
from serve.telemetry.job_metrics import JobMetrics
from serve.telemetry.policy_metrics import PolicyMetrics
from serve.telemetry.queue_metrics import QueueMetrics


class Metrics:
    """Recorders over a registry of their own; whoever passes plain values on need not know it."""

    def __init__(
        self, tiers: Collection[str], models: Collection[str] = (), *, began_at: float = 0.0
    ) -> None:
        """`tiers` as the settings order them, lowest first; measuring begins at `began_at`."""
        self._registry = registry = CollectorRegistry()
        self.jobs = JobMetrics(registry, tiers)
        self.queue = QueueMetrics(registry, tiers)
        self.policy = PolicyMetrics(registry, tiers, models)
        self.cluster = ClusterMetrics(registry, began_at)
        self.gpus = GpuMetrics(registry)
        self._epoch = Levels(cluster.EPOCH, registry)
        Levels(cluster.BUILD, registry).show({(package_version(),): 1})

    def epoch(self, epoch: int) -> None:
        """The Scheduler has taken this epoch."""
        self._epoch.show({(): epoch})

    def exposition(self) -> bytes:
        """Everything in Prometheus' text format 0.0.4."""
        return generate_latest(_Essential(self._registry))


class _Essential(Collector):
    """A registry without the `_created` series that the library adds to each of ours."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[FamilyOfSamples]:
        for family in self._registry.collect():
            family.samples = [s for s in family.samples if not s.name.endswith("_created")]
            yield family


def package_version() -> str:
    """Of filmgate as it is installed."""
    try:
        return version("filmgate")
    except PackageNotFoundError:
        return "unknown"
