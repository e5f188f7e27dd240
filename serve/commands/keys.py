"""`filmgate keys`: API keys, made and revoked in the database itself."""

import asyncio
import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from serve.commands.database import opened_accounts
from serve.commands.options import Config
from serve.commands.outcome import CommandError
from serve.commands.tables import moment, show_table
from serve.settings import Settings, load

if TYPE_CHECKING:
    from serve.accounts.account import Account, KeyRecord

keys = typer.Typer(no_args_is_help=True, help="Make, list and revoke API keys.")
AccountName = Annotated[str, typer.Option("--account", help="Who it is for.", metavar="NAME")]
TierName = Annotated[
    str | None, typer.Option("--tier", help="The tier of a new account.", metavar="TIER")
]
KeyId = Annotated[str, typer.Argument(metavar="ID", help="As `keys list` shows it.")]
COLUMNS = ("id", "account", "tier", "name", "made", "last used", "state")
KeyLabel = Annotated[str, typer.Option("--name", help="A word to know the key by.")]


@keys.command()
def create(
    account: AccountName, tier: TierName = None, name: KeyLabel = "", config: Config = None
) -> None:
    """Make a key and print it: this once, for it is stored as a digest only."""
    settings = load(config)
    plain, first = asyncio.run(_create(settings, account, tier, name))
    print(plain)
    told = Console(stderr=True, soft_wrap=True, highlight=False)
    told.print("This key is not shown again. Send it as `Authorization: Bearer KEY`.")
    if first:
        told.print(
            "From now on every request needs a key. Restart `filmgate serve` to let it listen "
            "beyond this machine."
        )


@keys.command("list")
def list_keys(config: Config = None) -> None:
    """All keys, revoked ones too."""
    settings = load(config)
    accounts, records = asyncio.run(_list(settings))
    if not records:
        print("no keys: filmgate keys create --account NAME --tier TIER")
        return
    show_table(COLUMNS, (_row(record, accounts[record.account_id]) for record in records))


@keys.command()
def revoke(key_id: KeyId, config: Config = None) -> None:
    """Refuse a key from now on."""
    settings = load(config)
    if not asyncio.run(_revoke(settings, id_of(key_id))):
        raise CommandError(f"there is no key {id_of(key_id)} to revoke (filmgate keys list)")
    print(f"{id_of(key_id)} is revoked")


def id_of(written: str) -> str:
    """The id in what people paste: the id itself, or a key or its readable start."""
    words = written.split("_")
    return words[2] if words[0] == "fg" and len(words) > 2 else written


def _row(record: "KeyRecord", account: "Account") -> list[str]:
    return [
        record.id,
        account.name,
        account.tier,
        record.name,
        moment(record.created_at),
        moment(record.last_used_at),
        "revoked" if record.revoked_at else "good",
    ]


async def _create(settings: Settings, name: str, tier: str | None, label: str) -> tuple[str, bool]:
    """The plain key, and whether it is the first of all."""
    now = time.time()
    async with opened_accounts(settings) as accounts:
        first = not await accounts.any_keys()
        account = await accounts.find_account(name)
        if account is None:
            account = await accounts.create_account(name, checked_tier(tier, settings), now)
        elif tier is not None and tier != account.tier:
            raise CommandError(f"the account {name} is in tier {account.tier}, not {tier}")
        plain, _ = await accounts.create_key(account.id, now, name=label)
        return plain, first


def checked_tier(tier: str | None, settings: Settings) -> str:
    """A tier of the settings; raises `CommandError`."""
    if tier not in settings.tiers or tier is None:
        problem = "a new account needs a tier" if tier is None else f"there is no tier {tier}"
        raise CommandError(f"{problem}: --tier {' | '.join(settings.tiers)}")
    return tier


async def _list(settings: Settings) -> "tuple[dict[str, Account], list[KeyRecord]]":
    async with opened_accounts(settings) as accounts:
        by_id = {account.id: account for account in await accounts.list_accounts()}
        return by_id, await accounts.list_keys()


async def _revoke(settings: Settings, key_id: str) -> bool:
    async with opened_accounts(settings) as accounts:
        return await accounts.revoke_key(key_id, time.time())
