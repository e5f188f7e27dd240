"""`filmgate accounts`: who may ask for clips, and how much, changed in the database itself."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from serve.commands.account_facts import facts_of, show_usage
from serve.commands.database import brought_up_to_date, opened_accounts
from serve.commands.gate_target import checked_region
from serve.commands.keys import checked_tier
from serve.commands.newcomers import invite, waitlist
from serve.commands.options import Config
from serve.commands.outcome import CommandError
from serve.commands.overrides import changed_limits
from serve.commands.regions import regions
from serve.commands.tables import moment, show_facts, show_table
from serve.settings import Settings, load

if TYPE_CHECKING:
    from serve.accounts.account import Account
    from serve.accounts.accounts import Accounts
    from serve.jobs.usage import Standing, Usage

accounts = typer.Typer(no_args_is_help=True, help="Make, look at and change accounts.")
accounts.add_typer(invite, name="invite")
accounts.add_typer(waitlist, name="waitlist")
accounts.add_typer(regions, name="regions")
Name = Annotated[str, typer.Argument(metavar="NAME", help="The account's name, or its id.")]
NewName = Annotated[str, typer.Argument(metavar="NAME", help="Any name that is not taken.")]
Tier = Annotated[str, typer.Argument(metavar="TIER", help="A tier of the settings.")]
NewTier = Annotated[str | None, typer.Option("--tier", help="Else the tier of new accounts.")]
NewRegion = Annotated[
    str | None, typer.Option("--region", metavar="REGION", help="Where it is at home, such as kr.")
]
Region = Annotated[str, typer.Argument(metavar="REGION", help="Where it is at home, such as kr.")]
Invite = Annotated[str | None, typer.Option("--invite", help="The code that it came with.")]
Changes = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="LIMIT=VALUE ...", help="`none` is no limit; nothing at all is the tier's again."
    ),
]
Reset = Annotated[bool, typer.Option("--reset", help="First forget all limits of its own.")]
SHOWN_DAYS = 30
COLUMNS = ("id", "name", "tier", "region", "made", "own limits", "state")


@accounts.command()
def create(
    name: NewName,
    tier: NewTier = None,
    region: NewRegion = None,
    invite: Invite = None,
    config: Config = None,
) -> None:
    """Make an account. It needs a key before it can ask for anything."""
    settings = load(config)
    tier = checked_tier(tier or settings.new_tier, settings)
    region = None if region is None else checked_region(region)
    account = asyncio.run(_create(settings, name, tier, region, invite))
    print(f"{account.id} is made, in tier {tier}: filmgate keys create --account {name}")


@accounts.command("list")
def list_accounts(config: Config = None) -> None:
    """All accounts, the oldest first."""
    found = asyncio.run(_list(load(config)))
    if not found:
        print("no accounts: filmgate accounts create NAME --tier TIER")
        return
    show_table(COLUMNS, (_row(account) for account in found))


@accounts.command()
def show(name: Name, config: Config = None) -> None:
    """One account: its limits, its own ones marked, and what it has used in the last 30 days."""
    settings = load(config)
    account, standing, usage = asyncio.run(_show(settings, name))
    show_facts(facts_of(account, settings, standing))
    show_usage(usage, settings.currency)


@accounts.command("set-tier")
def set_tier(name: Name, tier: Tier, config: Config = None) -> None:
    """Put an account into another tier. Jobs that wait keep the tier they were taken in."""
    settings = load(config)
    tier = checked_tier(tier, settings)

    async def work() -> None:
        async with _found(settings, name) as (accounts, account):
            await accounts.set_tier(account.id, tier)

    asyncio.run(work())
    print(f"{name} is in tier {tier}")


@accounts.command("set-region")
def set_region(name: Name, region: Region, config: Config = None) -> None:
    """Say where an account is at home: it is closed out with the region. Its jobs go on."""
    settings, region = load(config), checked_region(region)

    async def work() -> None:
        async with _found(settings, name) as (accounts, account):
            await accounts.set_region(account.id, region)

    asyncio.run(work())
    print(f"{name} is at home in {region}")


@accounts.command()
def override(
    name: Name, changes: Changes = None, reset: Reset = False, config: Config = None
) -> None:
    """State limits for one account in place of its tier's: `jobs_waiting=5 max_seconds=none`."""
    settings = load(config)
    if not changes and not reset:
        raise CommandError("say which limits: filmgate accounts override NAME jobs_waiting=5")

    async def work() -> int:
        async with _found(settings, name) as (accounts, account):
            own = changed_limits(account, changes or [], settings, reset=reset)
            await accounts.set_overrides(account.id, own)
            return len(own.model_fields_set)

    print(f"{name} has {asyncio.run(work())} limits of its own (filmgate accounts show {name})")


@accounts.command()
def disable(name: Name, config: Config = None) -> None:
    """Refuse all keys of an account from now on. Its jobs go on."""
    _set_disabled(load(config), name, time.time())
    print(f"{name} is disabled")


@accounts.command()
def enable(name: Name, config: Config = None) -> None:
    """Let the keys of an account in again, except revoked ones."""
    _set_disabled(load(config), name, None)
    print(f"{name} is enabled")


def _row(account: "Account") -> list[str]:
    return [
        account.id,
        account.name,
        account.tier,
        account.region or "",
        moment(account.created_at),
        str(len(account.overrides.model_fields_set) or ""),
        "disabled" if account.disabled_at else "good",
    ]


async def _create(
    settings: Settings, name: str, tier: str, region: str | None, invite: str | None
) -> "Account":
    from serve.accounts.roster import AccountExists

    if not name.strip() or name.startswith("acct_"):
        raise CommandError("a name must not be empty, nor begin like an id (acct_)")
    async with opened_accounts(settings) as accounts:
        try:
            return await accounts.create_account(
                name, tier, time.time(), region=region, invite=invite
            )
        except AccountExists as error:
            raise CommandError(str(error)) from error


async def _list(settings: Settings) -> "list[Account]":
    async with opened_accounts(settings) as accounts:
        return await accounts.list_accounts()


async def _show(settings: Settings, name: str) -> "tuple[Account, Standing, Sequence[Usage]]":
    from serve.jobs.sql_usage import SqlUsage
    from serve.jobs.usage import days_back

    now = time.time()
    async with brought_up_to_date(settings) as engines, _found(settings, name) as (_, account):
        used = SqlUsage(engines)
        standing = await used.standing(account.id, now)
        return account, standing, await used.usage(account.id, days_back(now, SHOWN_DAYS))


def _set_disabled(settings: Settings, name: str, now: float | None) -> None:
    async def work() -> None:
        async with _found(settings, name) as (accounts, account):
            await accounts.set_disabled(account.id, now)

    asyncio.run(work())


@asynccontextmanager
async def _found(settings: Settings, name: str) -> "AsyncIterator[tuple[Accounts, Account]]":
    """The account of this name or id; raises `CommandError`."""
    async with opened_accounts(settings) as accounts:
        account = await accounts.find_account(name) or await accounts.get_account(name)
        if account is None:
            raise CommandError(f"there is no account {name} (filmgate accounts list)")
        yield accounts, account
