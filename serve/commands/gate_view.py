"""The gate as `filmgate gate status` tells it: what the Scheduler saw, what operators decided."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

from autoscaling.explain import duration
from serve.commands.tables import moment, show_table
from serve.settings import Settings

if TYPE_CHECKING:
    from autoscaling.newcomers import SignUps
    from serve.jobs.database import Engines
    from serve.jobs.gate_status import GateStatus, TierStatus
    from serve.jobs.switch import Switch

TIERS = (
    *("tier", "gate", "saturation", "aside", "refused", "asks", "running", "waiting", "deferred"),
    *("drain", "promised GPU-s", "moves", "operator"),
)
SWITCHES = ("switch", "operator")


@dataclass(frozen=True, slots=True, kw_only=True)
class GateView:
    """All that is known at `now`."""

    now: float
    status: "GateStatus | None"
    """None: no Scheduler has told of its gates, or one of another version."""
    switches: "tuple[Switch, ...]"
    sign_ups: "SignUps | None"
    """None: nobody may sign up, or nobody has to wait."""
    waiting: int
    """On the waitlist."""


async def read_view(engines: "Engines", settings: Settings, now: float) -> GateView:
    """What the database tells."""
    from serve.accounts.newcomers import open_newcomers
    from serve.accounts.rules import rules_of
    from serve.jobs.gate_status import GATE, GateStatus
    from serve.jobs.memory import SqlMemory
    from serve.jobs.switches import SqlSwitches

    rules, newcomers = rules_of(settings), open_newcomers(engines)
    stored = await SqlMemory(engines).recall(GATE)
    try:
        status = None if stored is None else GateStatus.from_values(stored)
    except (KeyError, TypeError):
        status = None
    gated = rules.signup and rules.door.gate
    return GateView(
        now=now,
        status=status,
        switches=tuple(await SqlSwitches(engines).switches_in_force(now)),
        sign_ups=await newcomers.bucket(rules, now) if gated else None,
        waiting=await newcomers.num_waiting(now),
    )


def as_json(view: GateView) -> dict[str, Any]:
    """The same for programs."""
    scheduler = None
    if view.status is not None:
        scheduler = {**view.status.to_values(), "silent_for_s": view.status.silent_s(view.now)}
    return {
        "at": view.now,
        "scheduler": scheduler,
        "switches": [asdict(switch) for switch in view.switches],
        "sign_ups": None if view.sign_ups is None else asdict(view.sign_ups),
        "waitlist": view.waiting,
    }


def show_view(view: GateView, settings: Settings) -> None:
    """For people."""
    for line in head(view):
        print(line)
    show_table(TIERS, (_tier_row(view, name, settings) for name in reversed(settings.tiers)))
    others = [each for each in view.switches if each.kind not in ("tier", "everybody")]
    if others:
        print()
        show_table(SWITCHES, ([_what(each), _said(each)] for each in others))


def head(view: GateView) -> Iterator[str]:
    """What holds for all tiers."""
    for switch in view.switches:
        if switch.kind == "everybody":
            yield f"DRAINED: nothing new is let in; {_said(switch)} (filmgate gate undrain)"
    if view.status is None:
        yield "no scheduler has told of its gates yet: is filmgate serve running?"
    else:
        yield from _scheduler(view.status, view.now)
    if view.sign_ups is not None:
        rate, part = 3_600 * view.sign_ups.rate, view.sign_ups.openness
        entries = max(0, int(view.sign_ups.entries))
        yield (
            f"sign-ups: {entries} at once, {rate:.1f} an hour ({100 * part:.0f} % of the full "
            f"rate); {view.waiting} on the waitlist"
        )
    elif view.waiting:
        yield f"{view.waiting} on the waitlist"


def effect(view: GateView, settings: Settings) -> str:
    """How soon a change is felt."""
    if view.status is None:
        return "No scheduler has told of itself yet: it holds from the moment that one starts."
    if (silent_s := view.status.silent_s(view.now)) is not None:
        return (
            f"The scheduler has been silent for {duration(silent_s)}: it holds as soon as one is "
            "back, and until then Gateways go by what they last heard."
        )
    within_s = ceil(2 * settings.policy.tick_s)
    return f"It holds within {within_s} s: the scheduler looks, and tells the Gateways."


def span(seconds: float | None) -> str:
    """`45s`, `2m30s`, `1h05m`; empty for what has no bound."""
    if seconds is None:
        return "never"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes:02d}m"
    return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"


def _scheduler(status: "GateStatus", now: float) -> Iterator[str]:
    silent_s = status.silent_s(now)
    if silent_s is not None:
        yield (
            f"the scheduler has been silent for {duration(silent_s)}: what follows is how it was "
            f"at {moment(status.at)}"
        )
    pressure = "" if status.promise_pressure is None else f"{100 * status.promise_pressure:.0f} %"
    yield (
        f"scheduler {status.epoch}: {status.gpus:g} GPUs, all work done in {span(status.drain_s)}; "
        f"promises need {pressure or 'more than all'} of what paid jobs leave, predictions are "
        f"stretched by {status.stretch:.2f}"
    )


def _tier_row(view: GateView, name: str, settings: Settings) -> list[str]:
    tiers = view.status.tiers if view.status is not None else ()
    tier = next((each for each in tiers if each.name == name), None)
    figures = [""] * (len(TIERS) - 2) if tier is None else _figures(tier)
    return [name, *figures, "; ".join(_held_back(view, name, settings))]


def _held_back(view: GateView, name: str, settings: Settings) -> Iterator[str]:
    """Its own switch, and those of tiers above that let in still fewer: they hold for it too."""
    rate = 1.0
    switches = {each.name: each for each in view.switches if each.kind == "tier"}
    for tier in settings.tiers[settings.tiers.index(name) :]:
        switch = switches.get(tier)
        if switch is not None and switch.rate < rate:
            rate = switch.rate
            yield _said(switch) if tier == name else f"with {tier}: {_said(switch)}"


def _figures(tier: "TierStatus") -> list[str]:
    return [
        tier.gate,
        "no bound" if tier.saturation is None else f"{tier.saturation:.2f}",
        f"{100 * tier.aside:.0f} %",
        "" if tier.refused is None else f"{100 * tier.refused:.0f} %",
        "" if tier.offered is None else f"{100 * tier.offered:.0f} %",
        *(str(count) for count in (tier.running, tier.waiting, tier.deferred)),
        span(tier.drain_s),
        f"{tier.promised_gpu_s:.0f}",
        str(tier.flips),
    ]


def _what(switch: "Switch") -> str:
    kind = "sign-ups from" if switch.kind == "sign_ups" else switch.kind.value
    return f"{kind} {switch.name}"


def _said(switch: "Switch") -> str:
    """`closed by ann@desk at ..., until ...: why`."""
    held = "closed" if switch.rate <= 0 else f"at most {100 * switch.rate:g} %"
    ends = "" if switch.until is None else f", until {moment(switch.until)}"
    why = f": {switch.why}" if switch.why else ""
    return f"{held} by {switch.who} at {moment(switch.at)}{ends}{why}"
