"""`filmgate accounts invite` and `waitlist`: who may come in, besides those with room."""

import asyncio
import re
import secrets
import time
from typing import TYPE_CHECKING, Annotated

import typer

from serve.commands.database import brought_up_to_date
from serve.commands.deciding import By, For, Why, decided_by, until
from serve.commands.options import Config
from serve.commands.outcome import CommandError
from serve.commands.tables import moment, show_table
from serve.settings import Settings, load

if TYPE_CHECKING:
    from serve.accounts.invitations import Invitation
    from serve.accounts.newcomer import Place

invite = typer.Typer(no_args_is_help=True, help="Codes that lead past the waitlist.")
waitlist = typer.Typer(invoke_without_command=True, help="Who waits for an account.")

Code = Annotated[str, typer.Argument(metavar="CODE", help="As `invite list` shows it.")]
NewCode = Annotated[str | None, typer.Option("--code", help="Else one is made up.")]
Entries = Annotated[int, typer.Option("--entries", min=1, help="How many may come in with it.")]
Count = Annotated[int, typer.Argument(metavar="N", min=1, max=10_000, help="How many.")]
Limit = Annotated[int, typer.Option(min=1, max=100_000, help="At most this many.")]
CODE_SHAPE = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
INVITES = ("code", "entries", "used", "made by", "at", "until", "state")
PLACES = ("place", "name", "region", "asked", "called")


@invite.command()
def create(
    *,
    entries: Entries = 1,
    code: NewCode = None,
    for_: For = None,
    why: Why = "",
    by: By = None,
    config: Config = None,
) -> None:
    """Make a code and print it."""
    from serve.accounts.invitations import Invitation

    settings, now = load(config), time.time()
    made = Invitation(
        code=_checked_code(code or secrets.token_hex(8)),
        entries=entries,
        who=decided_by(by),
        at=now,
        until=until(for_, now),
    )
    asyncio.run(_create(settings, made, why))
    print(made.code)


@invite.command("list")
def list_invites(config: Config = None) -> None:
    """All codes, the oldest first."""
    found = asyncio.run(_invites(load(config)))
    if not found:
        print("no invitations: filmgate accounts invite create --entries 10")
        return
    show_table(INVITES, (_invite_row(each, time.time()) for each in found))


@invite.command()
def revoke(code: Code, *, why: Why = "", by: By = None, config: Config = None) -> None:
    """Let nobody in with a code from now on. Accounts that came with it stay."""
    from serve.accounts.invitations import Invitations

    settings, who = load(config), decided_by(by)

    async def work() -> bool:
        async with brought_up_to_date(settings) as engines:
            invitations = Invitations(engines)
            return await invitations.revoke(code, who=who, now=time.time(), why=why)

    if not asyncio.run(work()):
        raise CommandError(f"there is no {code} to revoke (filmgate accounts invite list)")
    print(f"{code} is revoked")


@waitlist.callback()
def show(ctx: typer.Context, limit: Limit = 100, config: Config = None) -> None:
    """Who waits for an account, in the order of asking, and who was called and has not come."""
    if ctx.invoked_subcommand is not None:
        return
    places, waiting = asyncio.run(_places(load(config), limit))
    if not places:
        print("nobody waits")
        return
    show_table(PLACES, (_place_row(place) for place in places))
    print(f"{waiting} wait; filmgate accounts waitlist call N lets the next ones in")


@waitlist.command()
def call(count: Count, *, why: Why = "", by: By = None, config: Config = None) -> None:
    """Let the next ones in now, whether or not there is room for them."""
    from serve.accounts.newcomers import open_newcomers

    settings, who = load(config), decided_by(by)

    async def work() -> list[str]:
        async with brought_up_to_date(settings) as engines:
            newcomers = open_newcomers(engines)
            return await newcomers.call(count, who=who, now=time.time(), why=why)

    names = asyncio.run(work())
    if not names:
        print("nobody waits, closed regions aside")
        return
    show_table(("called",), ([name] for name in names))


async def _create(settings: Settings, made: "Invitation", why: str) -> None:
    from serve.accounts.invitations import InvitationExists, Invitations

    async with brought_up_to_date(settings) as engines:
        try:
            await Invitations(engines).create(made, why)
        except InvitationExists as error:
            raise CommandError(str(error)) from error


async def _invites(settings: Settings) -> "list[Invitation]":
    from serve.accounts.invitations import Invitations

    async with brought_up_to_date(settings) as engines:
        return await Invitations(engines).list()


async def _places(settings: Settings, limit: int) -> "tuple[list[Place], int]":
    from serve.accounts.newcomers import open_newcomers
    from serve.accounts.rules import rules_of

    async with brought_up_to_date(settings) as engines:
        newcomers = open_newcomers(engines)
        places = await newcomers.waitlist(rules_of(settings), limit)
        return places, await newcomers.num_waiting(time.time())


def _checked_code(code: str) -> str:
    if CODE_SHAPE.fullmatch(code) is None:
        raise CommandError("--code: write 1 to 64 letters, digits, - and _")
    return code


def _invite_row(each: "Invitation", now: float) -> list[str]:
    state = "good"
    if each.revoked_at is not None:
        state = "revoked"
    elif each.until is not None and each.until <= now:
        state = "over"
    elif each.used >= each.entries:
        state = "used up"
    figures = (each.code, str(each.entries), str(each.used), each.who)
    return [*figures, moment(each.at), moment(each.until), state]


def _place_row(place: "Place") -> list[str]:
    times = moment(place.asked_at), moment(place.called_at)
    return [place.id, place.name, place.region or "", *times]
