"""A panel as a board states it: what is asked, in which unit, and what good looks like."""

from dataclasses import dataclass
from typing import Final, Literal

FULL_WIDTH: Final = 24
"""Of Grafana's grid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One query of a panel. `legend` names its series, with their labels as `{{label}}`."""

    expression: str
    legend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """`good` is for whoever was woken: what it looks like on a calm day, and when to worry."""

    title: str
    good: str
    unit: str
    """As Grafana calls it: `s`, `bytes`, `percentunit`, `short` ..."""
    queries: tuple[Query, ...]
    kind: Literal["lines", "areas", "number", "states"] = "lines"
    """Areas are stacked; a number is the latest one; states are colours over time."""
    width: int = 8
    height: int = 8
    warn_at: float | None = None
    bad_at: float | None = None
    """From here on yellow, and red; below `warn_at` if that is the smaller way round."""
    words: tuple[tuple[float, str], ...] = ()
    """Values that are shown as words."""
    top: float | None = None
    """Where the axis ends, for what has an end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Panels under one heading, from left to right."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One dashboard; `uid` is its address and never changes."""

    uid: str
    title: str
    about: str
    rows: tuple[Row, ...]
    variables: tuple[str, ...] = ()
    """What a reader may choose beyond the data source and the cluster."""

    @property
    def panels(self) -> tuple[Panel, ...]:
        return tuple(panel for row in self.rows for panel in row.panels)


def ask(expression: str, legend: str = "") -> Query:
    return Query(expression=expression, legend=legend)


def number(
    title: str,
    unit: str,
    expression: str,
    *,
    good: str,
    warn_at: float | None = None,
    bad_at: float | None = None,
    words: tuple[tuple[float, str], ...] = (),
) -> Panel:
    """The latest value, with its past as a small line: six of them fill a row."""
    return Panel(
        title=title,
        unit=unit,
        queries=(ask(expression, title),),
        good=good,
        kind="number",
        width=FULL_WIDTH // 6,
        height=4,
        warn_at=warn_at,
        bad_at=bad_at,
        words=words,
    )


def lines(
    title: str,
    unit: str,
    *queries: Query,
    good: str,
    warn_at: float | None = None,
    bad_at: float | None = None,
    top: float | None = None,
    width: int = 8,
) -> Panel:
    """Values over time, three panels to a row."""
    return Panel(
        title=title,
        unit=unit,
        queries=queries,
        good=good,
        warn_at=warn_at,
        bad_at=bad_at,
        top=top,
        width=width,
    )


def areas(title: str, unit: str, *queries: Query, good: str, width: int = 8) -> Panel:
    """Parts of a whole over time, one upon the other."""
    return Panel(title=title, unit=unit, queries=queries, good=good, kind="areas", width=width)


def states(
    title: str, *queries: Query, good: str, words: tuple[tuple[float, str], ...], width: int = 12
) -> Panel:
    """What each of several things is doing over time, as coloured words."""
    return Panel(
        title=title,
        unit="short",
        queries=queries,
        good=good,
        kind="states",
        words=words,
        width=width,
    )
