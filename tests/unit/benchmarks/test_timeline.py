"""The timeline says what was at the same time, and nothing that was not."""

from typing import Any

import pytest

from benchmarks.timeline import Span, gaps_s, ready_before, shared_s, spans


def span(job_id: str, began_at: float, ended_at: float) -> Span:
    return Span(job_id=job_id, began_at=began_at, ended_at=ended_at)


def line(job_id: str, began_at: float, seconds: float, **more: Any) -> dict[str, Any]:
    return {"job_id": job_id, "began_at": began_at, "seconds": seconds, **more}


def test_the_steps_of_a_job_are_one_span() -> None:
    lines = [
        line("b", 5.0, 1.0, step=1),
        line("a", 1.0, 1.0, step=1),
        line("a", 2.5, 0.5, step=2),
        line("a", 9.0, 1.0, stage="decode"),
        line("a", 0.0, 0.5, stage="encode"),
        {"job_id": "a", "message": "adopted", "step": 2},
    ]
    assert spans(lines, "denoise") == [span("a", 1.0, 3.0), span("b", 5.0, 6.0)]
    assert spans(lines, "decode") == [span("a", 9.0, 10.0)]
    assert spans(lines, "encode") == [span("a", 0.0, 0.5)]


@pytest.mark.parametrize(
    ("others", "seconds"),
    [
        ([], 0.0),
        ([span("b", 0, 2)], 1.0),
        ([span("b", 0, 9)], 3.0),
        ([span("b", 2, 3), span("c", 2.5, 3.5)], 1.5),
        ([span("b", 4, 5)], 0.0),
        ([span("a", 0, 9)], 0.0),
    ],
)
def test_shared_time_is_counted_once_and_never_with_itself(
    others: list[Span], seconds: float
) -> None:
    assert shared_s(span("a", 1, 4), others) == seconds


def test_a_gang_rests_from_one_job_to_the_next() -> None:
    assert gaps_s([span("a", 0, 2), span("b", 2.5, 4), span("c", 5, 6)]) == [0.5, 1.0]


def test_conditioning_is_ready_when_it_was_made_before_the_gang_got_free() -> None:
    denoised = [span("a", 1, 2), span("b", 3, 4), span("c", 5, 6)]
    encoded = [span("a", 0, 1), span("b", 1, 1.5), span("c", 4, 4.5)]
    assert ready_before(encoded, denoised) == [True, False]
