"""Alerts on the service itself: whether it speaks, and whether its stores answer."""

from k8s.alerts.rule import Alert, Pace
from k8s.promql import grown, series, total
from serve.telemetry.catalogue import cluster


def service(pace: Pace) -> tuple[Alert, ...]:
    return (_absent(), _silent(pace), _restarting(pace), _stores(pace))


def _absent() -> Alert:
    return Alert(
        name="SchedulerAbsent",
        expression=total(series(cluster.UP), "cluster", how="max") + " == 0",
        for_s=60,
        severity="critical",
        summary="No Scheduler is heard ({{ $labels.cluster }})",
        description="Requests are stored and answered, but no job starts.",
    )


def _silent(pace: Pace) -> Alert:
    up = series(cluster.UP)
    seen = f"max_over_time({up}[{pace(86_400)}])"
    gone = f"{total(seen, 'cluster', how='group')} unless {total(up, 'cluster', how='group')}"
    return Alert(
        name="NotScraped",
        expression=f"({gone}) or absent({seen})",
        for_s=300,
        severity="critical",
        summary="filmgate's metrics are not there ({{ $labels.cluster }})",
        description="Prometheus cannot read /metrics: the service does not answer, or is not among "
        "the targets.",
    )


def _restarting(pace: Pace) -> Alert:
    changes = total(f"changes({series(cluster.EPOCH)}[{pace(1800)}])", "cluster", how="max")
    return Alert(
        name="SchedulerRestarts",
        expression=f"{changes} >= 3",
        for_s=0,
        severity="warning",
        summary="The Scheduler keeps restarting ({{ $labels.cluster }})",
        description="{{ $value | humanize }} times in half an hour. Jobs go on from checkpoints, "
        "but nothing starts meanwhile.",
    )


def _stores(pace: Pace) -> Alert:
    """Waits longer than it looks back: a failover of a few seconds must be out of sight by then."""
    errors = total(grown(series(cluster.STORE_ERRORS), pace(120)), "cluster", "store")
    return Alert(
        name="StoreErrors",
        expression=f"{errors} >= 3",
        for_s=180,
        severity="critical",
        summary="The store of {{ $labels.store }} fails ({{ $labels.cluster }})",
        description="{{ $value | humanize }} calls failed in two minutes, and it goes on.",
    )
