"""Why a running job is stopped after its step, and what its owner is told of it."""

from enum import Enum, auto

from serve.attempts.history import interrupted, moved, suspended
from serve.jobs.job import Job, Note


class Suspension(Enum):
    """It goes on from the checkpoint that its gang then stores."""

    GIVES_WAY = auto()  # to a paid job that would be late
    MOVES = auto()  # to a larger gang, that nobody needs


def note_of(suspension: Suspension | None, job: Job, now: float) -> Note:
    """The line in its history; without a suspension its gang has let go of it by itself."""
    match suspension:
        case Suspension.GIVES_WAY:
            return suspended(job, now)
        case Suspension.MOVES:
            return moved(job, now)
        case None:
            return interrupted(job, now, reason="gang_lost")
