"""What becomes of a job in words, for its owner: why it waited, what went before, why it stopped.

Of others it tells how many there were, never who.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from autoscaling.explain import duration
from serve.jobs.job import Job, Note

AT_ONCE_S: Final = 2.0
TURN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "resumed": "it had given way for long enough, and went first",
        "floor": "a part of the GPUs is kept for its tier",
        "paid": "clips of paid tiers go by the time by which they must be there",
        "late": "it could no longer be there in time, and others still could",
        "due": "it had to begin now, to be there in time or not much later",
        "broken": "its promise could not be kept any more, and others' still could",
        "fair": "accounts take turns by what their clips cost",
        "left_over": "nobody else needed the gang, and it was promised for later",
    }
)
"""Why a job stood where it did, by its band."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """Jobs of the same model that stood before one when it was first seen to wait."""

    paid: int = 0
    promised: int = 0
    others: int = 0

    def after(self, *, paid: bool, promised: bool) -> "Ahead":
        """With one more."""
        return Ahead(
            paid=self.paid + paid,
            promised=self.promised + (promised and not paid),
            others=self.others + (not paid and not promised),
        )


def released(job: Job, now: float, *, due: bool) -> Note:
    """A deferred job waits for a gang like others."""
    why = (
        "It must begin soon to be there when promised"
        if due
        else "The GPUs have room for clips that were kept for later"
    )
    return Note(at=now, what="released", reason="due" if due else "room", text=f"{why}.")


def started(
    job: Job, ahead: Ahead | None, band: str, now: float, held_until: float | None = None
) -> Note:
    """An attempt begins: the first one, or one that goes on. Until `held_until` others of its own
    account kept it from starting."""
    if job.attempt:
        return _resumed(job, ahead, now)
    waited_s = now - (job.released_at or job.created_at)
    if held_until is not None and not _count(ahead):
        text = (
            f"It waited {duration(waited_s)}: as many clips of your account were in progress as "
            f"may be at once ({job.jobs_at_once})."
        )
        return Note(at=now, what="started", reason=band, text=text)
    turn = f"Its turn came now: {TURN[band]}."
    if waited_s < AT_ONCE_S and not _count(ahead):
        return Note(at=now, what="started", reason=band, text="It started at once.")
    before = _count(ahead) or "all gangs were busy"
    stood = f"{before} stood before it" if _count(ahead) else before
    text = f"It waited {duration(waited_s)}: {stood}. {turn}"
    return Note(at=now, what="started", reason=band, text=text)


def suspended(job: Job, now: float) -> Note:
    """It gave its gang to another."""
    text = (
        f"It stopped after step {job.step} of {job.spec.steps} for a clip of a paid tier that "
        "would have been late. It goes on from there as soon as a gang is free."
    )
    return Note(at=now, what="suspended", reason="gave_way", text=text)


def moved(job: Job, now: float) -> Note:
    """It goes on on a larger gang."""
    text = f"It stopped after step {job.step} of {job.spec.steps} to go on on a larger gang."
    return Note(at=now, what="suspended", reason="larger_gang", text=text)


def interrupted(job: Job, now: float, *, reason: str) -> Note:
    """Its gang was lost, or broke; what is stored stays."""
    text = (
        f"What it ran on stopped working. {_where(job.step, job.spec.steps)}; nothing has to be "
        "done about it."
    )
    return Note(at=now, what="interrupted", reason=reason, text=text)


def _resumed(job: Job, ahead: Ahead | None, now: float) -> Note:
    """It goes on, for the reason for which it had stopped."""
    reason, waited = "interrupted", ""
    if job.history and (last := job.history[-1]).what == "suspended":
        reason, waited = last.reason, f" after {duration(now - last.at)}"
    stood = f"; {before} stood before it" if (before := _count(ahead)) else ""
    text = f"{_where(job.step, job.spec.steps)}{waited}{stood}."
    return Note(at=now, what="resumed", reason=reason, text=text)


def _where(step: int, steps: int) -> str:
    return f"It goes on from step {step} of {steps}" if step else "It begins again"


def _count(ahead: Ahead | None) -> str:
    """`3 clips of paid tiers, 1 promised clip and 12 others`."""
    if ahead is None:
        return ""
    counted = (
        (ahead.paid, "clip of a paid tier", "clips of paid tiers"),
        (ahead.promised, "promised clip", "promised clips"),
        (ahead.others, "other clip", "other clips"),
    )
    words = [f"{count} {one if count == 1 else many}" for count, one, many in counted if count]
    *first, last = words or [""]
    return f"{', '.join(first)} and {last}" if first else last
