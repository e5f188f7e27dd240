"""Tables for people and for pipes: nothing is ever cut short."""

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 1_000
"""Characters of a line that no terminal folds: in a pipe, a row stays a row."""


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Rows under their headings."""
    table = Table(*columns, box=None, pad_edge=False)
    _show(table, rows)


def show_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Names and values, one pair a line."""
    _show(Table.grid(padding=(0, 2)), facts)


def moment(unix_s: float | None) -> str:
    """A time (Unix seconds) by this machine's clock, to the second; empty for None."""
    return "" if unix_s is None else f"{datetime.fromtimestamp(unix_s):%Y-%m-%d %H:%M:%S}"


def _show(table: Table, rows: Iterable[Sequence[str]]) -> None:
    for row in rows:
        table.add_row(*(Text(cell, overflow="fold") for cell in row))
    console = Console(width=None if sys.stdout.isatty() else WIDE, highlight=False)
    console.print(table)
