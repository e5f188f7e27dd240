"""Queries in Prometheus' language, from metrics that are named once: in the catalogue, or as Ray's.

A label that a metric does not have is an error when the query is made, not an empty panel at night.
"""

from typing import Final

from serve.telemetry.catalogue.cluster import BUILD
from serve.telemetry.catalogue.metric import Metric

CLUSTER: Final = "cluster"
"""Every scrape adds it: one Prometheus may watch several clusters."""
VARIABLES: Final = (CLUSTER, "model", "tier")
"""Labels that a dashboard lets its reader choose values of, each a variable of the same name."""
RATE: Final = "$__rate_interval"
"""Grafana puts in at least four scrapes."""
ANYTHING: Final = ".*"


def series(metric: Metric, part: str = "", **where: str) -> str:
    """`name{label="value"}`; `part` is a histogram's `bucket`, `sum` or `count`.

    A value with `|` or `.` is a regular expression, one that begins with `!` what it is not.
    """
    for label in where:
        if label not in (CLUSTER, *metric.labels):
            has = ", ".join(metric.labels) or "none"
            raise ValueError(f"{metric.name} has no label {label}; it has {has}")
    if (metric.kind == "histogram") != bool(part):
        raise ValueError(f"{metric.name} is a {metric.kind}: it has no part {part!r}")
    matchers = ",".join(_matcher(label, value) for label, value in where.items())
    name = f"{metric.name}_{part}" if part else metric.name
    return f"{name}{{{matchers}}}" if matchers else name


def chosen(metric: Metric, part: str = "", **where: str) -> str:
    """The same, of what the dashboard's reader has chosen."""
    labels = (CLUSTER, *metric.labels)
    picked = {name: f"${name}" for name in VARIABLES if name in labels and name not in where}
    return series(metric, part, **picked, **where)


def recorded(name: str) -> str:
    """What a rule has recorded, of what the dashboard's reader has chosen: the level, which the
    name begins with, says which labels there are."""
    level = name.partition(":")[0].split("_")
    return (
        f"{name}{{{','.join(_matcher(each, f'${each}') for each in VARIABLES if each in level)}}}"
    )


def _matcher(label: str, value: str) -> str:
    negated, wanted = value.startswith("!"), value.removeprefix("!")
    pattern = wanted.startswith("$") or any(sign in wanted for sign in "|.")
    operator = ("!~" if pattern else "!=") if negated else ("=~" if pattern else "=")
    return f'{label}{operator}"{wanted}"'


def total(expression: str, *labels: str, how: str = "sum") -> str:
    """Over all series, or those with equal `labels`."""
    return f"{how} by ({', '.join(labels)}) ({expression})" if labels else f"{how}({expression})"


def rate(counter: str, over: str = RATE) -> str:
    """Per second. Always before a sum: a restart sets counters back, and a sum would hide that."""
    return f"rate({counter}[{over}])"


def grown(counter: str, over: str) -> str:
    """By how much each series grew, also one that is new: its first event made it appear, and
    `increase` sees no growth in a series that begins at one. New is what was not there in the
    whole time before, and is seen for less long than the service itself: else a gap hid it, or
    Prometheus has only begun to look, and its events may be of last week."""
    before = f"last_over_time({counter}[{over}] offset {over})"
    service = total(f"count_over_time({BUILD.name}[{over}])", CLUSTER, how="max")
    later = f"count_over_time({counter}[{over}]) < on ({CLUSTER}) group_left () {service}"
    new = f"{counter} unless {before} and {later}"
    return f"(({new}) or increase({counter}[{over}]))"


def quantile(part: float, buckets: str, *labels: str, over: str = RATE) -> str:
    """Of a histogram's buckets, seen in the time `over`."""
    return f"histogram_quantile({part:g}, {total(rate(buckets, over), *labels, 'le')})"


def mean(metric: Metric, *labels: str, over: str, **where: str) -> str:
    """Of a histogram, seen in the time `over`, of what the dashboard's reader has chosen. There are
    gaps where nothing was seen for so long: what is rare wants an hour, not a few scrapes."""
    added = total(rate(chosen(metric, "sum", **where), over), *labels)
    return f"{added} / {total(rate(chosen(metric, 'count', **where), over), *labels)}"


def per_minute(counter: str, *labels: str) -> str:
    return f"60 * {total(rate(counter), *labels)}"


def in_an_hour(counter: str, *labels: str) -> str:
    """For what is rare: a rate would not show the first one."""
    return total(grown(counter, "1h"), *labels)


def ratio(part: str, whole: str) -> str:
    """Nothing where the whole is zero: no news is not bad news."""
    return f"{part} / ({whole} > 0)"


def filled_in(expression: str, window: str) -> str:
    """As Grafana sends it while its reader has chosen nothing."""
    for name in VARIABLES:
        expression = expression.replace(f"${name}", ANYTHING)
    return expression.replace(RATE, window)
