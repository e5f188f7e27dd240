"""`filmgate accounts regions`: where nobody may sign up from."""

import asyncio
import time
from typing import TYPE_CHECKING, Annotated

import typer

from serve.commands.database import brought_up_to_date
from serve.commands.deciding import By, For, Why, decided_by, until
from serve.commands.gate_target import checked_region
from serve.commands.options import Config
from serve.commands.outcome import CommandError
from serve.commands.tables import moment, show_table
from serve.settings import Settings, load

if TYPE_CHECKING:
    from serve.jobs.switch import Switch

regions = typer.Typer(no_args_is_help=True, help="Where nobody may sign up from.")
Region = Annotated[str, typer.Argument(metavar="REGION", help="Such as kr.")]
CLOSED = ("region", "closed by", "at", "until", "why")


@regions.command("list")
def list_regions(config: Config = None) -> None:
    """Regions that are closed to sign-ups; those that are closed altogether too."""
    closed = asyncio.run(_closed(load(config)))
    if not closed:
        print("no region is closed")
        return
    show_table(CLOSED, (_region_row(each) for each in closed))


@regions.command()
def close(
    region: Region, *, for_: For = None, why: Why = "", by: By = None, config: Config = None
) -> None:
    """Let nobody sign up from a region. Accounts from there go on, places on the list are kept."""
    from serve.jobs.switch import Kind, Switch

    settings, now = load(config), time.time()
    switch = Switch(
        kind=Kind.SIGN_UPS,
        name=checked_region(region),
        rate=0.0,
        who=decided_by(by),
        at=now,
        why=why,
        until=until(for_, now),
    )
    asyncio.run(_switch(settings, switch))
    print(
        f"{region} is closed to sign-ups from now on; filmgate gate close --region {region} "
        "stops requests too"
    )


@regions.command("open")
def open_region(region: Region, *, why: Why = "", by: By = None, config: Config = None) -> None:
    """Let people sign up from a region again."""
    settings, who = load(config), decided_by(by)
    if asyncio.run(_reopened(settings, checked_region(region), who, why)):
        print(f"{region} is open to sign-ups from now on")
        return
    closed = [each for each in asyncio.run(_closed(settings)) if each.name == region]
    hint = f"it is closed altogether: filmgate gate open --region {region}"
    raise CommandError(hint if closed else f"{region} is not closed to sign-ups")


async def _closed(settings: Settings) -> "list[Switch]":
    from serve.jobs.switch import Kind
    from serve.jobs.switches import SqlSwitches

    async with brought_up_to_date(settings) as engines:
        switches = await SqlSwitches(engines).switches_in_force(time.time())
        return [each for each in switches if each.kind in (Kind.REGION, Kind.SIGN_UPS)]


async def _switch(settings: Settings, switch: "Switch") -> None:
    from serve.jobs.switches import SqlSwitches

    async with brought_up_to_date(settings) as engines:
        await SqlSwitches(engines).set_switch(switch)


async def _reopened(settings: Settings, region: str, who: str, why: str) -> bool:
    from serve.jobs.switch import Kind
    from serve.jobs.switches import SqlSwitches

    async with brought_up_to_date(settings) as engines:
        switches = SqlSwitches(engines)
        before = await switches.clear_switch(
            Kind.SIGN_UPS, region, who=who, now=time.time(), why=why
        )
        return before is not None


def _region_row(switch: "Switch") -> list[str]:
    altogether = "" if switch.kind == "sign_ups" else " (requests too)"
    times = moment(switch.at), moment(switch.until)
    return [f"{switch.name}{altogether}", switch.who, *times, switch.why]
