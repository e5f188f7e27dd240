"""Metrics of the catalogue as the Prometheus library has them."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from serve.telemetry.catalogue.metric import Metric


class Levels:
    """A gauge that is told all its values at once; what has gone shows 0 from then on."""

    def __init__(self, metric: Metric, registry: CollectorRegistry) -> None:
        self._gauge = Gauge(metric.name, metric.help, metric.labels, registry=registry)
        self._shown: frozenset[tuple[str, ...]] = frozenset()

    def show(self, values: Mapping[tuple[str, ...], float]) -> None:
        """Values by label values, in the catalogue's order."""
        self._shown |= values.keys()
        for labels in self._shown:
            series = self._gauge.labels(*labels) if labels else self._gauge
            series.set(values.get(labels, 0.0))


def counter(metric: Metric, registry: CollectorRegistry) -> Counter:
    return Counter(metric.name, metric.help, metric.labels, registry=registry)


def histogram(metric: Metric, registry: CollectorRegistry) -> Histogram:
    return Histogram(
        metric.name, metric.help, metric.labels, buckets=metric.buckets, registry=registry
    )
