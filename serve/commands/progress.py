"""A job's progress for people: a bar on a terminal, plain lines elsewhere."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from serve.client.video import Sight
from serve.commands.tables import moment


class ProgressView:
    """Shows sights while it is open; the last finished step moves the bar, never a clock."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told: tuple[str | None, ...] | None = None
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[detail]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("sending", total=None, detail="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def show(self, sight: Sight) -> None:
        """Draw the present sight; without a terminal, a line for each new status or phase."""
        self._bar.update(
            self._task,
            description=word_of(sight),
            detail=detail_of(sight),
            completed=sight.step,
            total=sight.steps or None,
        )
        stand = (sight.status, sight.phase, sight.standing)
        if not self._console.is_terminal and stand != self._told and not sight.ended:
            self._console.print(line_of(sight), highlight=False)
        self._told = stand


def word_of(sight: Sight) -> str:
    """The phase, or before and after the phases the status."""
    return sight.phase or status_of(sight).replace("_", " ")


def status_of(sight: Sight) -> str:
    """The status, or what it is that a queued job waits for."""
    if sight.status == "queued" and sight.standing in ("deferred", "suspended"):
        return sight.standing
    return sight.status


def line_of(sight: Sight) -> str:
    detail = detail_of(sight)
    return f"{word_of(sight)}: {detail}" if detail else word_of(sight)


def detail_of(sight: Sight) -> str:
    """`ready by 2026-11-21 14:30`, `2 before it, about 40 s`, or `step 7 of 20`."""
    if sight.deferred and sight.ready_by is not None:
        return f"ready by {moment(sight.ready_by)}"
    if sight.status == "queued":
        eta = None if sight.eta_s is None else f"about {sight.eta_s:.0f} s"
        before = None if not sight.queue_position else f"{sight.queue_position} before it"
        return ", ".join(filter(None, (before, eta)))
    if sight.phase == "denoise" and sight.steps:
        return f"step {sight.step} of {sight.steps}"
    return ""
