"""When each stage worked on each job, and how much of that was at the same time."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One run of a stage on a job, from and to in Unix seconds."""

    job_id: str
    began_at: float
    ended_at: float

    @property
    def seconds(self) -> float:
        return self.ended_at - self.began_at


def spans(lines: Iterable[Mapping[str, Any]], stage: str) -> list[Span]:
    """From the structured log, in order of time; the steps of a job count as one span."""
    found: dict[str, Span] = {}
    for line in lines:
        is_step = "step" in line and "stage" not in line
        if "began_at" not in line or (line.get("stage") or "denoise" * is_step) != stage:
            continue
        began_at, job_id = line["began_at"], line["job_id"]
        ended_at = began_at + line["seconds"]
        if known := found.get(job_id):
            began_at, ended_at = min(began_at, known.began_at), max(ended_at, known.ended_at)
        found[job_id] = Span(job_id=job_id, began_at=began_at, ended_at=ended_at)
    return sorted(found.values(), key=lambda span: span.began_at)


def shared_s(span: Span, others: Iterable[Span]) -> float:
    """Seconds of `span` during which one of the spans of other jobs lasted, each counted once."""
    covered, until = 0.0, span.began_at
    for other in sorted(others, key=lambda other: other.began_at):
        if other.job_id == span.job_id:
            continue
        began_at = max(until, other.began_at)
        ended_at = min(span.ended_at, other.ended_at)
        if ended_at > began_at:
            covered, until = covered + ended_at - began_at, ended_at
    return covered


def gaps_s(denoised: Iterable[Span]) -> list[float]:
    """Seconds that one gang rested between two jobs."""
    return [later.began_at - earlier.ended_at for earlier, later in itertools.pairwise(denoised)]


def ready_before(encoded: Iterable[Span], denoised: Iterable[Span]) -> list[bool]:
    """Of each job but the first: whether its conditioning was there before its gang got free."""
    ready_at = {span.job_id: span.ended_at for span in encoded}
    return [
        ready_at[later.job_id] <= earlier.ended_at
        for earlier, later in itertools.pairwise(denoised)
    ]
