"""Alerts on what users get: times, promises, failures, and work that piles up."""

from k8s.alerts import recordings as recorded
from k8s.alerts.rule import Alert, Pace
from k8s.promql import rate, series, total
from serve.telemetry.catalogue import cluster, gate, jobs


def demand(pace: Pace) -> tuple[Alert, ...]:
    return (
        _paid_late(),
        *_promises(),
        _failing(),
        _growing(pace),
        _idle(pace),
    )


def _paid_late() -> Alert:
    waited = total(series(gate.PAID_WAIT), "cluster", how="max")
    return Alert(
        name="PaidClipsLate",
        expression=f"{waited} > 1 or {recorded.PAID_LATE} > 0",
        for_s=300,
        severity="critical",
        summary="Paid clips wait longer than they may ({{ $labels.cluster }})",
        description="More than a tenth of paid jobs started too late to be in time, or some in the "
        "queue cannot be in time any more. Value: {{ $value | humanize }}.",
    )


def _promises() -> tuple[Alert, ...]:
    return (
        Alert(
            name="PromiseBroken",
            expression=f"{recorded.PROMISES_BROKEN} > 0",
            for_s=0,
            severity="warning",
            summary="A promised time has passed without a clip ({{ $labels.tier }})",
            description="{{ $value | humanize }} promises to {{ $labels.tier }} users of "
            "{{ $labels.cluster }} were broken in a quarter of an hour.",
        ),
        Alert(
            name="ManyPromisesBroken",
            expression=f"{recorded.PROMISES_BROKEN_RATIO} > 0.25 "
            f"and {recorded.PROMISES_BROKEN} >= 5",
            for_s=300,
            severity="critical",
            summary="A quarter of the promises to {{ $labels.tier }} users are broken",
            description="{{ $value | humanizePercentage }} of the promises that ended in the last "
            "hour were broken: what promises count on is not there.",
        ),
    )


def _failing() -> Alert:
    return Alert(
        name="JobsFail",
        expression=f"{recorded.FAILED_RATIO} > 0.1 and {recorded.FAILED} >= 3",
        for_s=300,
        severity="critical",
        summary="Clips of {{ $labels.model }} fail ({{ $labels.cluster }})",
        description="{{ $value | humanizePercentage }} of the jobs that ended in a quarter of an "
        "hour failed. By reason: the board Overview.",
    )


def _growing(pace: Pace) -> Alert:
    models = ("cluster", "model")
    full = total(series(cluster.AT_LIMIT, stage="denoise"), *models, how="min")
    drain = total(series(gate.DRAIN), "cluster", how="max")
    target = total(series(gate.DRAIN_TARGET), "cluster", how="max")
    return Alert(
        name="BacklogGrowsAtCapacity",
        expression=f"deriv({recorded.BACKLOG}[{pace(1800)}]) > 0 and {full} == 1 "
        f"and on (cluster) {drain} > 4 * {target}",
        for_s=1800,
        severity="warning",
        summary="The queue of {{ $labels.model }} grows and no GPU can be added",
        description="Every replica that may be there is there, and the backlog grows by "
        "{{ $value | humanize }} GPU-seconds a second.",
    )


def _idle(pace: Pace) -> Alert:
    models = ("cluster", "model")
    waiting = total(series(jobs.WAITING), *models)
    starts = total(rate(series(jobs.STARTS), pace(600)), *models)
    resumes = total(rate(series(jobs.RESUMES), pace(600)), *models)
    return Alert(
        name="GpusIdleWhileJobsWait",
        expression=f"{recorded.GANGS_FREE} > 0 and {waiting} > 0 "
        f"unless {starts} > 0 unless {resumes} > 0",
        for_s=600,
        severity="critical",
        summary="Gangs of {{ $labels.model }} are free, jobs wait, and none starts",
        description="{{ $value }} gangs of {{ $labels.cluster }} have had nothing to do for ten "
        "minutes while jobs wait for them.",
    )
