"""The gates to claim success, one by one: asked, found, met or not, and why not."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.gating.outcomes import PAID, TIERS, Outcomes
from benchmarks.gating.protocol import OURS, RIVALS, SHEDDING, TUNED_ON


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One gate: what is asked, what was found."""

    asked: str
    found: str
    met: bool
    note: str = ""
    """Why it is not met."""


def judge(seen: Outcomes) -> list[Criterion]:
    """All of them, in the order of the protocol."""
    return [rule(seen) for rule in RULES]


def _paid(seen: Outcomes) -> Criterion:
    pro, plus = (seen.mean(TUNED_ON, OURS, f"{tier}.slo_arrival") for tier in ("pro", "plus"))
    return Criterion(
        asked="paid clips in time: 0.95",
        found=f"pro {pro:.3f}, plus {plus:.3f}",
        met=min(pro, plus) >= 0.95,
        note="hours in which paid tiers alone ask for more than gangs of four can make",
    )


def _paid_beside_priority(seen: Outcomes) -> Criterion:
    worst = min(
        (
            seen.difference(TUNED_ON, OURS, "static-priority", f"{tier}.slo_arrival")
            for tier in PAID
        ),
        key=lambda difference: difference.mean,
    )
    return Criterion(
        asked="paid clips in time: at most 0.01 less than under static priority",
        found=f"{worst}, the worse of both tiers",
        met=worst.mean >= -0.01,
        note="gangs of two make more clips, and some paid ones later, than gangs of four only",
    )


def _goodput_promise(seen: Outcomes) -> Criterion:
    best = seen.best(TUNED_ON, RIVALS)
    ours = seen.mean(TUNED_ON, OURS, "goodput_promise")
    theirs = seen.mean(TUNED_ON, best, "goodput_arrival")
    bound = seen.bounds[TUNED_ON][1]
    return Criterion(
        asked="goodput on the promise clock: 1.3 times the best tuned baseline",
        found=f"{ours:.3f}, {ours / theirs:.2f} times {best} ({theirs:.3f})",
        met=ours >= 1.3 * theirs,
        note=f"it asks for {1.3 * theirs:.3f} of the work; {bound:.3f} is the most that anybody "
        f"can make within four hours who serves paid tiers first, knows everything before and "
        f"divides clips at will: {bound / theirs:.2f} times",
    )


def _goodput_arrival(seen: Outcomes) -> Criterion:
    best = seen.best(TUNED_ON, RIVALS)
    difference = seen.difference(TUNED_ON, SHEDDING, best, "goodput_arrival")
    ours = seen.mean(TUNED_ON, SHEDDING, "goodput_arrival")
    bound = seen.bounds[TUNED_ON][0]
    return Criterion(
        asked="goodput on the arrival clock, shedding instead of deferring: the best baseline's",
        found=f"{ours:.3f}, {difference} beside {best}",
        met=difference.mean >= 0,
        note=f"{best} has {seen.mean(TUNED_ON, best, 'pro.slo_arrival'):.2f} of pro clips in time, "
        f"filmgate {seen.mean(TUNED_ON, SHEDDING, 'pro.slo_arrival'):.2f}; with paid tiers first "
        f"{bound:.3f} is the most",
    )


def _waste(seen: Outcomes) -> Criterion:
    found = seen.mean(TUNED_ON, OURS, "waste")
    return Criterion(
        asked="spent on late clips: at most 0.05",
        found=f"{found:.3f}",
        met=found <= 0.05,
        note="broken promises, and paid clips in hours of paid overload",
    )


def _inversions(seen: Outcomes) -> Criterion:
    found = sum(
        sum(seen.values(scenario, policy, "inversions"))
        for scenario, policy in seen.results
        if policy == OURS
    )
    return Criterion(
        asked="paid clips shed while lower ones are let in or promised: none, in any scenario",
        found=f"{found:.0f}, over all seeds and scenarios",
        met=found == 0,
        note="where paid tiers alone ask for hours of work, a small clip may just be promised and "
        "a larger one of a higher tier, seconds later, not",
    )


def _overrun(seen: Outcomes) -> Criterion:
    found = seen.most(TUNED_ON, OURS, "free.promise_overrun_max")
    return Criterion(
        asked="no free clip later than 1.5 times what was promised",
        found=f"{found:.2f} times, the latest of all seeds",
        met=found <= 1.5,
        note="a broken promise waits until 1.15 times its length, then for a gang",
    )


def _coverage(seen: Outcomes) -> Criterion:
    found = seen.mean(TUNED_ON, OURS, "new.promise_coverage")
    median, longest = (
        seen.mean(TUNED_ON, OURS, name) / 60 for name in ("promise_p50_s", "promise_max_s")
    )
    return Criterion(
        asked="promises to new users kept: 0.85",
        found=f"{found:.3f}; all promises: {median:.0f} min in the median, up to {longest:.0f}",
        met=found >= 0.85,
        note="paid tiers asked for more than before",
    )


def _flips(seen: Outcomes) -> Criterion:
    found = max(seen.mean(TUNED_ON, OURS, f"{tier}.gate_flips_per_hour") for tier in TIERS)
    return Criterion(
        asked="each gate moves at most 2 times an hour",
        found=f"{found:.2f}, the most of any tier",
        met=found <= 2,
        note="the load goes up and down across both edges of the gate",
    )


def _jain(seen: Outcomes) -> Criterion:
    by_tier = {tier: seen.mean(TUNED_ON, OURS, f"{tier}.jain") for tier in TIERS}
    shed = max(seen.mean(TUNED_ON, OURS, f"{tier}.shed") for tier in TIERS)
    return Criterion(
        asked="Jain's fairness between the accounts of a tier: 0.95",
        found=", ".join(f"{tier} {value:.3f}" for tier, value in by_tier.items()),
        met=min(by_tier.values()) >= 0.95,
        note=f"up to {shed:.2f} of a tier's requests are shed, and of accounts with two or three "
        "requests some lose all, some none",
    )


def _calm(seen: Outcomes) -> Criterion:
    lost = {
        tier: seen.difference("S0", OURS, "fifo", f"{tier}.slo_arrival", theirs=None)
        for tier in TIERS
    }
    tier, worst = min(lost.items(), key=lambda each: each[1].mean)
    return Criterion(
        asked="S0: no tier loses more than 0.01 against first come, first served",
        found=f"{worst}, {tier}, the worst",
        met=worst.mean >= -0.01,
        note="on calm days, too, paid tiers ask for all gangs for minutes, and go first",
    )


RULES: tuple[Callable[[Outcomes], Criterion], ...] = (
    _paid,
    _paid_beside_priority,
    _goodput_promise,
    _goodput_arrival,
    _waste,
    _inversions,
    _overrun,
    _coverage,
    _flips,
    _jain,
    _calm,
)
