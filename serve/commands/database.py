"""`filmgate db`: the schema of the database, and the database for the commands that need it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import typer

from serve.commands.options import Config
from serve.commands.outcome import CommandError
from serve.settings import Settings, load

if TYPE_CHECKING:
    from serve.accounts.accounts import Accounts
    from serve.jobs.database import Engines

database = typer.Typer(no_args_is_help=True, help="Look after the database.")


@database.callback()
def about() -> None:
    """Look after the database."""


@database.command()
def upgrade(config: Config = None) -> None:
    """Create the database, or bring an older one to this version's schema."""
    settings = load(config)
    asyncio.run(_upgrade(settings))
    print(f"up to date: {shown_url(settings)}")


def shown_url(settings: Settings) -> str:
    """The database's URL, its password left out."""
    from sqlalchemy import make_url

    return make_url(settings.database_url).render_as_string(hide_password=True)


@asynccontextmanager
async def brought_up_to_date(settings: Settings) -> "AsyncIterator[Engines]":
    """The open database with this version's schema; raises `CommandError`."""
    from serve.jobs.database import opened

    await _upgrade(settings)
    async with opened(settings.database_url) as engines:
        yield engines


@asynccontextmanager
async def opened_accounts(settings: Settings) -> "AsyncIterator[Accounts]":
    """The accounts of the database; raises `CommandError`."""
    from serve.accounts.accounts import open_accounts

    async with brought_up_to_date(settings) as engines:
        yield open_accounts(engines)


async def _upgrade(settings: Settings) -> None:
    from sqlalchemy.exc import SQLAlchemyError

    from serve.jobs.database import DatabaseUrlError
    from serve.jobs.upgrade import SchemaError
    from serve.jobs.upgrade import upgrade as upgrade_schema

    try:
        await upgrade_schema(settings.database_url)
    except (DatabaseUrlError, SchemaError) as error:
        raise CommandError(str(error)) from error
    except (SQLAlchemyError, OSError) as error:
        why = str(getattr(error, "orig", None) or error).partition("\n")[0]
        raise CommandError(f"the database {shown_url(settings)} does not work: {why}") from error
