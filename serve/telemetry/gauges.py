"""Metrics of the catalogue as the Prometheus library has them."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from serve.telemetry.catalogue.metric import Metric

Labels = tuple[str, ...]


class Levels:
    """A gauge that is told all its values at once; what has gone shows 0 from then on."""

    def __init__(self, metric: Metric, registry: CollectorRegistry) -> None:
        self._gauge = Gauge(metric.name, metric.help, metric.labels, registry=registry)
        self._shown: frozenset[Labels] = frozenset()

    def show(self, values: Mapping[Labels, float]) -> None:
        """Values by label values, in the catalogue's order."""
        self._shown |= values.keys()
        for labels in self._shown:
            series = self._gauge.labels(*labels) if labels else self._gauge
            series.set(values.get(labels, 0.0))


class Readings(Collector):
    """A gauge that is told all its values at once; what has gone, or is None, is not there."""

    def __init__(self, metric: Metric, registry: CollectorRegistry) -> None:
        self._metric = metric
        self._shown: Mapping[Labels, float] = MappingProxyType({})
        registry.register(self)

    def show(self, values: Mapping[Labels, float | None]) -> None:
        """Values by label values, in the catalogue's order."""
        self._shown = {labels: value for labels, value in values.items() if value is not None}

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """What a scrape finds."""
        metric = self._metric
        family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
        for labels, value in self._shown.items():
            family.add_metric(labels, value)
        yield family


def counter(metric: Metric, registry: CollectorRegistry) -> Counter:
    return Counter(metric.name, metric.help, metric.labels, registry=registry)


def histogram(metric: Metric, registry: CollectorRegistry) -> Histogram:
    return Histogram(
        metric.name, metric.help, metric.labels, buckets=metric.buckets, registry=registry
    )
