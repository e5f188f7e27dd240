"""`filmgate gate`: who is let in, seen and switched by hand, in the database itself."""

import asyncio
import contextlib
import json
import time
from asyncio import sleep as rest
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from serve.commands.database import brought_up_to_date
from serve.commands.deciding import By, For, Why, decided_by, until
from serve.commands.gate_target import (
    OfModel,
    OfRegion,
    Target,
    Tier,
    held_back_by,
    target_of,
    tiers_below,
)
from serve.commands.gate_view import GateView, as_json, effect, read_view, show_view
from serve.commands.options import AsJson, Config
from serve.commands.outcome import CommandError
from serve.commands.tables import moment, show_table
from serve.settings import Settings, load

if TYPE_CHECKING:
    from serve.jobs.switch import AuditLine, Switch

gate = typer.Typer(no_args_is_help=True, help="See who is let in, and decide it by hand.")
Watch = Annotated[bool, typer.Option("--watch", help="Again every two seconds, until Ctrl-C.")]
Rate = Annotated[
    float | None, typer.Option("--rate", help="The part that is let in at most, such as 0.3.")
]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="At most this many.")]
WATCH_EVERY_S = 2.0
LOG_COLUMNS = ("when", "who", "what", "before", "after", "why")


@gate.command()
def status(as_json_: AsJson = False, watch: Watch = False, config: Config = None) -> None:
    """The gate of each tier, how full it is, and what operators have decided."""
    settings = load(config)

    async def look() -> None:
        async with brought_up_to_date(settings) as engines:
            while True:
                view = await read_view(engines, settings, time.time())
                _show(view, settings, as_json_=as_json_, again=watch)
                if not watch:
                    return
                await rest(WATCH_EVERY_S)

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(look())


@gate.command()
def close(
    tier: Tier = None,
    *,
    model: OfModel = None,
    region: OfRegion = None,
    for_: For = None,
    why: Why = "",
    by: By = None,
    config: Config = None,
) -> None:
    """Let nobody in: of a tier and those below it, for a model, or from a region."""
    settings = load(config)
    target = target_of(settings, tier, model, region, everything=False)
    _set(settings, target, rate=0.0, for_=for_, why=why, by=by)


@gate.command("open")
def open_(
    tier: Tier = None,
    *,
    model: OfModel = None,
    region: OfRegion = None,
    rate: Rate = None,
    for_: For = None,
    why: Why = "",
    by: By = None,
    config: Config = None,
) -> None:
    """Let the load decide again, or a part in at most (--rate). Nothing named: end a drain."""
    settings = load(config)
    target = target_of(settings, tier, model, region, everything=True)
    if rate is None:
        if for_ is not None:
            raise CommandError("--for goes with --rate: without it the load decides from now on")
        _clear(settings, target, why=why, by=by)
        return
    if tier is None:
        raise CommandError("--rate is for a tier: a model or a region is open or closed")
    if not 0 < rate < 1:
        raise CommandError(
            f"--rate {rate:g} is no part: write more than 0 (filmgate gate close {tier}) and less "
            f"than 1 (filmgate gate open {tier})"
        )
    _set(settings, target, rate=rate, for_=for_, why=why, by=by)


@gate.command()
def drain(
    tier: Tier = None,
    *,
    model: OfModel = None,
    region: OfRegion = None,
    for_: For = None,
    why: Why = "",
    by: By = None,
    config: Config = None,
) -> None:
    """Take in no new work at all, or none of one kind. Jobs that were taken go on."""
    settings = load(config)
    target = target_of(settings, tier, model, region, everything=True)
    _set(settings, target, rate=0.0, for_=for_, why=why, by=by)


@gate.command()
def undrain(
    tier: Tier = None,
    *,
    model: OfModel = None,
    region: OfRegion = None,
    why: Why = "",
    by: By = None,
    config: Config = None,
) -> None:
    """The end of a drain: other switches stay as they are."""
    settings = load(config)
    _clear(settings, target_of(settings, tier, model, region, everything=True), why=why, by=by)


@gate.command()
def log(limit: Limit = 20, as_json_: AsJson = False, config: Config = None) -> None:
    """Who decided what, when and why; the newest first."""
    from dataclasses import asdict

    lines = asyncio.run(_audit(load(config), limit))
    if as_json_:
        print(json.dumps([asdict(line) for line in lines], indent=2))
    elif lines:
        show_table(LOG_COLUMNS, (_row(line) for line in lines))
    else:
        print("no operator has decided anything yet")


def _show(view: GateView, settings: Settings, *, as_json_: bool, again: bool) -> None:
    if as_json_:
        print(json.dumps(as_json(view), indent=None if again else 2), flush=True)
        return
    if again:
        Console().clear()
        print(moment(view.now))
    show_view(view, settings)


def _set(
    settings: Settings, target: Target, *, rate: float, for_: str | None, why: str, by: str | None
) -> None:
    from serve.jobs.switch import Switch

    now = time.time()
    switch = Switch(
        kind=target.kind,
        name=target.name,
        rate=rate,
        who=decided_by(by),
        at=now,
        why=why,
        until=until(for_, now),
    )
    view = asyncio.run(_change(settings, target, switch))
    ends = "" if switch.until is None else f", until {moment(switch.until)}"
    held = "closed" if rate <= 0 else f"let in by {100 * rate:g} % at most"
    print(f"{target.words} is {held}{ends}")
    if below := tiers_below(target, settings):
        print(f"So are those below it: {', '.join(reversed(below))}.")
    print(effect(view, settings))


def _clear(settings: Settings, target: Target, *, why: str, by: str | None) -> None:
    view = asyncio.run(_change(settings, target, None, why=why, who=decided_by(by)))
    print(f"{target.words} is as the load has it again")
    for other in held_back_by(target, view.switches, settings):
        named = f"the tier {other.name}" if other.name else "the drain"
        undo = f"filmgate gate {f'open {other.name}' if other.name else 'undrain'}"
        print(f"But {named} still holds it back: {undo}")
    print(effect(view, settings))


async def _change(
    settings: Settings,
    target: Target,
    switch: "Switch | None",
    *,
    why: str = "",
    who: str = "",
) -> GateView:
    """Carry it out; what is known afterwards. Raises `CommandError` where nothing is to undo."""
    from serve.jobs.switches import SqlSwitches

    async with brought_up_to_date(settings) as engines:
        switches, now = SqlSwitches(engines), time.time()
        if switch is not None:
            await switches.set_switch(switch)
        elif not await switches.clear_switch(target.kind, target.name, who=who, now=now, why=why):
            raise CommandError(f"{target.words} has no switch to undo (filmgate gate status)")
        return await read_view(engines, settings, now)


async def _audit(settings: Settings, limit: int) -> "list[AuditLine]":
    from serve.jobs.switches import SqlSwitches

    async with brought_up_to_date(settings) as engines:
        return await SqlSwitches(engines).audit(limit)


def _row(line: "AuditLine") -> list[str]:
    what = " ".join(word for word in (line.act, line.kind.replace("_", "-"), line.name) if word)
    return [moment(line.at), line.who, what, _held(line.before), _held(line.after), line.why]


def _held(values: dict[str, Any] | None) -> str:
    """A switch in a few words."""
    if not values:
        return ""
    ends = values.get("until")
    word = f"{values['entries']} entries" if "entries" in values else f"rate {values['rate']:g}"
    return word if ends is None else f"{word} until {moment(ends)}"
