"""Gate and tiers: who is let in, who was promised a time, and whether promises are kept."""

from typing import Final

from k8s.alerts import recordings
from k8s.dashboards.panel import Board, Row, areas, ask, lines, states
from k8s.promql import chosen, in_an_hour, per_minute, rate, recorded, total
from serve.telemetry.catalogue import gate, jobs

STATES: Final = ((0, "open"), (1, "deferring"), (2, "shedding"), (3, "closed"))
TIER: Final = "{{tier}}"


def _state() -> str:
    """A gate's state as a number of `STATES`: the one that is 1 among its series."""
    now = " or ".join(
        f"({chosen(gate.STATE, state=state)} == 1) * {number}" for number, state in STATES
    )
    return total(now, "tier", how="max")


GATES: Final = Row(
    title="Who is let in?",
    panels=(
        states(
            "Gates",
            ask(_state(), TIER),
            good="Open. Deferring and shedding from the lowest tier up is the flood protection at "
            "work. Closed was an operator: `filmgate gate log` tells who and why.",
            words=STATES,
        ),
        lines(
            "Turned aside",
            "percentunit",
            ask(total(chosen(gate.TURNED_ASIDE), "tier", how="max"), TIER),
            good="0 % for paid tiers. Others move by degrees, at most once in two minutes.",
            top=1,
            width=12,
        ),
        lines(
            "How full it is",
            "percentunit",
            ask(total(chosen(gate.SATURATION), "tier", how="max"), TIER),
            good="What the gates obey. Above 100 % the tier's work takes longer than the target.",
        ),
        lines(
            "Time until all work is done",
            "s",
            ask(total(chosen(gate.DRAIN), "tier", how="max"), TIER),
            ask(total(chosen(gate.DRAIN_TARGET), how="max"), "target"),
            good="Of each tier and those above it. Below the target for paid tiers, at all times.",
        ),
        areas(
            "Work asked for",
            "short",
            ask(total(rate(chosen(gate.REQUESTED)), "tier"), TIER),
            good="In GPUs' worth of work; what is shed is in it. More than the GPUs there are, for "
            "hours: buy some, or close a tier.",
        ),
        areas(
            "Requests a minute that were deferred or shed",
            "short",
            ask(
                per_minute(chosen(gate.REQUESTS, outcome="!admitted"), "tier", "reason"),
                "{{tier}}, {{reason}}",
            ),
            good="None on a calm day. Of paid tiers: only while they alone ask for too much.",
            width=12,
        ),
        lines(
            "Gates that moved",
            "short",
            ask(in_an_hour(chosen(gate.FLIPS), "tier"), TIER),
            good="In an hour: fewer than two of each tier. More: policy.gates is too tight.",
            width=12,
        ),
    ),
)
PROMISES: Final = Row(
    title="Are promises kept?",
    panels=(
        areas(
            "Promised for later",
            "short",
            ask(total(chosen(jobs.DEFERRED), "tier"), TIER),
            good="Falls after a flood: promised jobs fill what is left over.",
        ),
        areas(
            "Promises that ended, a minute",
            "short",
            ask(
                per_minute(chosen(gate.PROMISES_ENDED), "tier", "outcome"), "{{tier}}, {{outcome}}"
            ),
            good="Kept, nine of ten at least. Runbook: FilmgateManyPromisesBroken.",
        ),
        lines(
            "Broken in a quarter of an hour, and overdue",
            "short",
            ask(recorded(recordings.PROMISES_BROKEN), "{{tier}}, broken"),
            ask(total(chosen(gate.PROMISES_OVERDUE), "tier"), "{{tier}}, overdue"),
            good="0. Overdue ones are still made, and count as broken when they end.",
        ),
        lines(
            "What promises need",
            "percentunit",
            ask(total(chosen(gate.PROMISE_PRESSURE), how="max"), "pressure"),
            good="Below 100 % of what paid jobs leave. Above, some will break.",
            bad_at=1,
        ),
        lines(
            "How careful promises are",
            "short",
            ask(total(chosen(gate.PROMISE_STRETCH), how="max"), "stretch"),
            good="Between 1 and 2: predicted waits are multiplied with it. Higher: predictions "
            "were wrong lately, see costs in Stages and autoscaling.",
        ),
        areas(
            "GPU-seconds promised and let in",
            "short",
            ask(total(chosen(gate.WORK), "tier", "kind"), "{{tier}}, {{kind}}"),
            good="Together less than the GPUs can do in four hours.",
        ),
    ),
)
WAITS: Final = Row(
    title="What do tiers get?",
    panels=(
        lines(
            "Wait for a start, 95th percentile",
            "s",
            ask(recorded(recordings.WAIT_P95), TIER),
            good="Below what the tier may wait, which Overview shows; of the last ten minutes.",
        ),
        lines(
            "Jobs stopped for others",
            "short",
            ask(in_an_hour(chosen(jobs.SUSPENSIONS), "tier", "reason"), "{{tier}}, {{reason}}"),
            good="In an hour: few, of unpaid tiers. Many: paid jobs need larger gangs, or more.",
        ),
        lines(
            "Waitlist for accounts",
            "short",
            ask(total(chosen(gate.WAITLIST)), "places that wait"),
            ask(in_an_hour(chosen(gate.CALLED)), "called in an hour"),
            good="Places are called while GPUs are to spare; none is, while gates are shut.",
        ),
    ),
)
GATE_AND_TIERS: Final = Board(
    uid="filmgate-gate",
    title="Gate and tiers",
    about="Who is let in, who was promised a time, and whether promises are kept.",
    variables=("model", "tier"),
    rows=(GATES, PROMISES, WAITS),
)
