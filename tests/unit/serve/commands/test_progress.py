"""What people see of a job's progress."""

import io

import pytest
from rich.console import Console

from serve.client.video import Sight
from serve.commands.progress import ProgressView, detail_of, line_of

COURSE = (
    Sight(status="queued", queue_position=2, eta_s=41.7),
    Sight(status="queued", queue_position=0, eta_s=4.0),
    Sight(status="in_progress"),
    Sight(status="in_progress", phase="encode", steps=20),
    Sight(status="in_progress", phase="denoise", step=7, steps=20),
    Sight(status="in_progress", phase="denoise", step=8, steps=20),
    Sight(status="in_progress", phase="decode", step=20, steps=20),
    Sight(status="completed", phase=None, step=20, steps=20),
)


@pytest.mark.parametrize(
    ("sight", "line"),
    list(
        zip(
            COURSE,
            (
                "queued: 2 before it, about 42 s",
                "queued: about 4 s",
                "in progress",
                "encode",
                "denoise: step 7 of 20",
                "denoise: step 8 of 20",
                "decode",
                "completed",
            ),
            strict=True,
        )
    ),
)
def test_each_stand_in_words(sight: Sight, line: str) -> None:
    assert line_of(sight) == line


def test_a_pipe_gets_a_line_for_each_phase() -> None:
    output = io.StringIO()
    with ProgressView(Console(file=output, width=200)) as view:
        for sight in COURSE:
            view.show(sight)
    assert output.getvalue().splitlines() == [
        "queued: 2 before it, about 42 s",
        "in progress",
        "encode",
        "denoise: step 7 of 20",
        "decode",
    ]


def test_a_terminal_gets_a_bar_that_vanishes() -> None:
    output = io.StringIO()
    with ProgressView(Console(file=output, width=100, force_terminal=True)) as view:
        for sight in COURSE:
            view.show(sight)
    shown = output.getvalue()
    assert "completed" in shown
    assert "\x1b[2K" in shown, "the bar is wiped away at the end"


def test_details_only_where_there_are_some() -> None:
    assert detail_of(Sight(status="in_progress", phase="denoise")) == ""
    assert detail_of(Sight(status="queued")) == ""
