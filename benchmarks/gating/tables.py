"""The report as Markdown: gates, policies under the flood, scenarios, what each part is worth."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from autoscaling.replay.policies import BASELINES
from benchmarks.gating.criteria import Criterion
from benchmarks.gating.outcomes import PAID, UNPAID, Outcomes
from benchmarks.gating.protocol import LESS, OURS, RIVALS, SCENARIOS, SHEDDING, TUNED_ON

BEGIN = "<!-- python -m benchmarks gate report: begin -->"
END = "<!-- end -->"
LIGHT = "S4light"


def document(seen: Outcomes, criteria: Sequence[Criterion]) -> str:
    """All tables, with the words between them."""
    return "\n\n".join(
        (
            "### The gates of the protocol, in S4x10",
            gates(criteria),
            "### S4x10 under each policy",
            policies(seen),
            f"### All scenarios\n\nDifferences are seed by seed, with what holds them in 95 of 100 "
            f"resamples. The baseline is the one that makes most in time there, of those tuned on "
            f"{TUNED_ON}; no baseline makes promises, so both clocks are one to it.",
            scenarios(seen),
            "### What each part is worth\n\nfilmgate without the part, less filmgate; in S4x10, "
            "and in S4light for lighter clips.",
            parts(seen),
        )
    )


def gates(criteria: Iterable[Criterion]) -> str:
    rows = [
        (each.asked, each.found, "met" if each.met else f"**not met**: {each.note}")
        for each in criteria
    ]
    return _table(("asked", "found", ""), rows)


def policies(seen: Outcomes) -> str:
    figures = ("pro.slo_arrival", "plus.slo_arrival", "free.slo_arrival", "new.slo_arrival",
               "free.slo_promise", "new.slo_promise", "goodput_arrival", "goodput_promise", "waste",
               "inversions", "starved")  # fmt: skip
    rows = [
        (policy, *(f"{seen.mean(TUNED_ON, policy, figure):.2f}" for figure in figures))
        for policy in (OURS, SHEDDING, *BASELINES)
    ]
    header = ("", "pro", "plus", "free", "new", "free, as promised", "new, as promised",
              "goodput, arrival", "goodput, promise", "waste", "inversions", "starved")  # fmt: skip
    arrival, longest = seen.bounds[TUNED_ON]
    bound = ("the most with paid first", *[""] * 6, f"{arrival:.2f}", f"{longest:.2f}", *[""] * 3)
    return _table(header, [*rows, bound])


def scenarios(seen: Outcomes) -> str:
    rows = []
    for name in SCENARIOS:
        best = seen.best(name, RIVALS)
        rows.append(
            (
                name,
                *(f"{seen.mean(name, OURS, f'{tier}.slo_arrival'):.2f}" for tier in PAID),
                *(f"{seen.mean(name, best, f'{tier}.slo_arrival'):.2f}" for tier in PAID),
                f"{seen.mean(name, OURS, 'goodput_promise'):.3f}",
                f"{best} {seen.mean(name, best, 'goodput_arrival'):.3f}",
                str(seen.difference(name, OURS, best, "goodput_promise", theirs="goodput_arrival")),
                str(seen.difference(name, SHEDDING, best, "goodput_arrival")),
                f"{seen.mean(name, OURS, 'promise_coverage'):.2f} of "
                f"{seen.mean(name, OURS, 'promise_p50_s') / 60:.0f} min",
            )
        )
    header = ("", "plus", "pro", "plus, baseline", "pro, baseline", "goodput, promise",
              "best baseline", "promise clock, difference",
              "arrival clock, shedding instead, difference", "promises kept, median")  # fmt: skip
    return _table(header, rows)


def parts(seen: Outcomes) -> str:
    figures = ("goodput_promise", "goodput_arrival", "waste")
    tiers = [f"{tier}.slo_promise" for tier in (*PAID, *UNPAID)]
    asked = [(TUNED_ON, policy, OURS) for policy in (SHEDDING, *LESS)]
    asked.append((LIGHT, "filmgate-no-lighter", OURS))
    rows = [
        (
            policy.removeprefix("filmgate-"),
            *(str(seen.difference(name, policy, ours, figure)) for figure in (*figures, *tiers)),
        )
        for name, policy, ours in asked
    ]
    header = ("", "goodput, promise", "goodput, arrival", "waste", "plus", "pro",
              "new, as promised", "free, as promised")  # fmt: skip
    return _table(header, rows)


def put_into(text: str, target: Path) -> None:
    """Between the two marks. Raises `ValueError` if a mark is missing."""
    before, begin, rest = target.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{target} has no lines {BEGIN} and {END}")
    target.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
