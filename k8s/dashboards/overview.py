"""Overview: is it healthy, who is waiting, what is shed."""

from typing import Final

from k8s.alerts import recordings
from k8s.alerts.rule import PREFIX
from k8s.dashboards.panel import Board, Row, areas, ask, lines, number
from k8s.promql import chosen, grown, per_minute, ratio, recorded, total
from serve.telemetry.catalogue import cluster, gate, jobs

FIRING: Final = (
    f'count(ALERTS{{alertname=~"{PREFIX}.*",alertstate="firing",cluster=~"$cluster"}}) or vector(0)'
)


def _late() -> str:
    """0 where none was late yet, nothing where none began."""
    began = total(grown(chosen(jobs.STARTS), "15m"), "tier")
    late = total(grown(chosen(jobs.STARTS, outcome="late"), "15m"), "tier")
    return ratio(f"({late} or 0 * {began})", began)


HEALTH: Final = Row(
    title="Is it healthy?",
    panels=(
        number(
            "Scheduler",
            "short",
            total(chosen(cluster.UP), how="min"),
            good="Up. Away: requests are stored and answered, but no job starts, and gangs stop "
            "when their lease ends. Runbook: FilmgateSchedulerAbsent.",
            warn_at=1,
            bad_at=0.5,
            words=((0, "away"), (1, "up")),
        ),
        number(
            "Alerts that fire",
            "short",
            FIRING,
            good="None. Each has an entry in docs/runbooks.md: what it means, and what to do.",
            bad_at=1,
        ),
        number(
            "GPUs of healthy gangs",
            "short",
            total(chosen(gate.GPUS)),
            good="All that there are. Fewer: gangs are being replaced, see Stages and autoscaling.",
        ),
        number(
            "Paid waits",
            "percentunit",
            total(chosen(gate.PAID_WAIT), how="max"),
            good="Below 100 %: what paid jobs waited over what they could afford, 90th percentile. "
            "Above, a tenth of them is late. Runbook: FilmgatePaidClipsLate.",
            warn_at=0.7,
            bad_at=1,
        ),
        number(
            "Jobs that fail",
            "percentunit",
            total(recorded(recordings.FAILED_RATIO), how="max"),
            good="0 %, of those that ended in a quarter of an hour; of the worst model. Runbook: "
            "FilmgateJobsFail.",
            warn_at=0.02,
            bad_at=0.1,
        ),
        number(
            "Promises broken",
            "short",
            total(recorded(recordings.PROMISES_BROKEN)),
            good="0 in a quarter of an hour. Runbook: FilmgatePromiseBroken.",
            warn_at=1,
            bad_at=5,
        ),
    ),
)
WAITING: Final = Row(
    title="Who is waiting?",
    panels=(
        areas(
            "Jobs in the queue",
            "short",
            ask(total(chosen(jobs.WAITING), "tier"), "{{tier}}"),
            ask(total(chosen(jobs.DEFERRED), "tier"), "{{tier}}, promised for later"),
            good="Short, and of unpaid tiers. Growing paid areas: look at GPU load first.",
        ),
        lines(
            "Oldest job in the queue",
            "s",
            ask(total(chosen(jobs.OLDEST_WAIT), "tier", how="max"), "{{tier}}"),
            ask(total(chosen(gate.WAIT_TARGET), "tier", how="max"), "{{tier}}, may wait"),
            good="Below what the tier may wait. A line that rises with the clock is a job that "
            "nothing starts: look whether gangs are free.",
        ),
        lines(
            "Starts that were too late",
            "percentunit",
            ask(_late(), "{{tier}}"),
            good="Of a quarter of an hour: 0 % of paid tiers. Unpaid ones are late in a flood, and "
            "are told so.",
            top=1,
        ),
    ),
)
ANSWERS: Final = Row(
    title="What becomes of requests?",
    panels=(
        areas(
            "Requests a minute",
            "short",
            ask(per_minute(chosen(gate.REQUESTS), "outcome"), "{{outcome}}"),
            good="Admitted. Deferred ones got a time that is kept; shed ones were told when to "
            "come back. In a flood that is as it should be: see Gate and tiers for whose.",
        ),
        lines(
            "How full it is",
            "percentunit",
            ask(total(chosen(gate.SATURATION), "tier", how="max"), "{{tier}}"),
            good="Below 100 %, where a tier's work fills the drain target. Gates begin to close at "
            "80 % for new users and at 200 % and more for paid ones.",
        ),
        areas(
            "Clips a minute",
            "short",
            ask(per_minute(chosen(jobs.CLIPS), "tier", "outcome"), "{{tier}}, {{outcome}}"),
            good="In time. Late ones of paid tiers are what you were woken for.",
        ),
    ),
)
OVERVIEW: Final = Board(
    uid="filmgate-overview",
    title="Overview",
    about="Is it healthy, who is waiting, what is shed. Start here.",
    variables=("model", "tier"),
    rows=(HEALTH, WAITING, ANSWERS),
)
