"""What the catalogue says of one metric."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric as it is declared; a histogram has the upper bounds of its buckets."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


def counter(name: str, labels: str, help_: str) -> Metric:
    """`labels` are separated by blanks, here and below."""
    return Metric(name=name, kind="counter", help=help_, labels=tuple(labels.split()))


def gauge(name: str, labels: str, help_: str) -> Metric:
    return Metric(name=name, kind="gauge", help=help_, labels=tuple(labels.split()))


def histogram(name: str, labels: str, help_: str, buckets: tuple[float, ...]) -> Metric:
    own = tuple(labels.split())
    return Metric(name=name, kind="histogram", help=help_, labels=own, buckets=buckets)
