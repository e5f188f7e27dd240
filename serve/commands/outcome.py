"""How a command ends when it cannot do what it was asked: one line on stderr, and an exit code."""

from typing import Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from serve.client.retries import ApiFault
from serve.settings import SettingsError


class CommandError(Exception):
    """A command cannot go on; the message says why and what to do."""


class PlainGroup(TyperGroup):
    """Commands whose expected faults are told in words, without a traceback; exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        """`ctx` is a click context; typer keeps its own copy of that class to itself."""
        try:
            return super().invoke(ctx)
        except (CommandError, SettingsError, ApiFault) as fault:
            tell_error(str(fault))
            raise typer.Exit(1) from None


def tell_error(message: str) -> None:
    """On stderr, unwrapped: a terminal folds lines by itself and a log wants them whole."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print(f"[bold red]error:[/] {_plain(message)}")


def _plain(message: str) -> str:
    """Square brackets in a message are no markup."""
    return message.replace("[", r"\[")
