"""A case of an alert: series that must make it fire, and some that look alike and must not.

Values are promtool's: `0+1x10` is eleven samples, each one more than the one before; `_x10` is ten
times nothing. There is a sample every minute.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from k8s.promql import series
from serve.telemetry.catalogue import cluster
from serve.telemetry.catalogue.metric import Metric

Samples = Mapping[str, str]
MODEL = {"model": "wan"}
GANG = {**MODEL, "shape": "tp2"}
GPU = {"node": "n1", "gpu": "0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`labels` are those of the alert that fires `at_min` minutes after the first sample."""

    alert: str
    fires: tuple[Samples, ...]
    quiet: tuple[Samples, ...]
    labels: Mapping[str, str]
    at_min: int = 60


def of(metric: Metric, **labels: str) -> str:
    """One series of the cluster `main`."""
    return series(metric, cluster="main", **labels)


def told(before: str) -> dict[str, str]:
    """The service speaks of itself; `before` as its first samples, then always."""
    return {of(cluster.BUILD, version="1"): before}


def old(counter: str, value: int) -> tuple[Samples, Samples]:
    """What was counted long ago is no news: not to a Prometheus that is new itself, nor to one that
    could not ask for a while."""
    attached = {**told("_x57 1x40"), counter: f"_x57 {value}x40"}
    gap = {**told("1x20 _x36 1x40"), counter: f"{value}x20 _x36 {value}x40"}
    return attached, gap
