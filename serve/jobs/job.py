"""A job, its states, and which state may follow which. Pure: no clock, no I/O."""

from dataclasses import dataclass
from enum import StrEnum

from pipelines.spec import ClipSpec


class Status(StrEnum):
    """The public states of a job; the API shows exactly these words."""

    QUEUED = "queued"  # stored, waits for its turn (again, after an interruption)
    IN_PROGRESS = "in_progress"  # an attempt of some scheduler epoch holds it
    COMPLETED = "completed"  # one clip is stored and the row points to it
    FAILED = "failed"  # ended with a stated reason
    CANCELLED = "cancelled"  # ended on request
    EXPIRED = "expired"  # was completed; its retention time has passed and the clip is gone


class Phase(StrEnum):
    """Where a job in progress stands."""

    ENCODE = "encode"
    DENOISE = "denoise"
    DECODE = "decode"


NEXT: dict[Status, frozenset[Status]] = {
    Status.QUEUED: frozenset({Status.IN_PROGRESS, Status.CANCELLED, Status.FAILED}),
    Status.IN_PROGRESS: frozenset(
        {Status.QUEUED, Status.COMPLETED, Status.FAILED, Status.CANCELLED}
    ),
    Status.COMPLETED: frozenset({Status.EXPIRED}),
    Status.FAILED: frozenset(),
    Status.CANCELLED: frozenset(),
    Status.EXPIRED: frozenset(),
}
LIVE = frozenset({Status.QUEUED, Status.IN_PROGRESS})
ENDED = frozenset(Status) - LIVE


class IllegalTransition(ValueError):
    """A job was to go from one state to another that may not follow it."""


def check_transition(current: Status, new: Status) -> None:
    """Raise `IllegalTransition` unless `new` may follow `current`."""
    if new not in NEXT[current]:
        raise IllegalTransition(f"a {current} job cannot become {new}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a job failed: a stable code, and a sentence for the person who asked."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """What a clip took, in seconds; `gpu_s` counts every device that was held, redone steps too."""

    queue_s: float = 0.0
    encode_s: float = 0.0
    denoise_s: float = 0.0
    decode_s: float = 0.0
    gpu_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One line of a job's history: what was decided about it at `at` (Unix seconds), and why."""

    at: float
    what: str
    """`admitted`, `deferred`, `released`, `started`, `suspended`, `interrupted`, `resumed`."""
    reason: str
    """A stable word, such as `tier_busy`."""
    text: str
    """For the person who asked."""


FIRST_NOTES, LAST_NOTES = 4, 28


def noted(history: tuple[Note, ...], note: Note) -> tuple[Note, ...]:
    """The history with one more line; of a long one the middle is left out."""
    longer = (*history, note)
    if len(longer) <= FIRST_NOTES + LAST_NOTES:
        return longer
    return (*longer[:FIRST_NOTES], *longer[-LAST_NOTES:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One request for a clip, from submission to a stored file or a stated failure.

    Times are Unix seconds. `epoch` and `attempt` are the fence: a write that does not carry the
    row's present pair is refused by the store.
    """

    id: str
    account_id: str
    tier: str
    model: str
    spec: ClipSpec
    status: Status
    created_at: float
    predicted_gpu_s: float
    started_at: float | None = None
    """When the first attempt began; it stays over later attempts."""
    completed_at: float | None = None
    """When the job ended, however it ended."""
    expires_at: float | None = None
    phase: Phase | None = None
    step: int = 0
    """Denoising steps finished; of `spec.steps`."""
    epoch: int = 0
    attempt: int = 0
    attempt_started_at: float | None = None
    crashes: int = 0
    """Attempts in a row that died with their replica without getting past `crash_step`."""
    crash_step: int = -1
    run_s: float = 0.0
    """Seconds in progress over all earlier attempts."""
    clip_prefix: str | None = None
    """Artifact prefix of the published clip; set in the same write that completes the job."""
    failure: Failure | None = None
    timings: Timings = Timings()
    deleted_at: float | None = None
    price_per_gpu_s: float = 0.0
    """What its account pays for a GPU-second, as stated when the job was taken."""
    jobs_at_once: int | None = None
    """It waits while so many jobs of its account are in progress."""
    promised_by: float | None = None
    """When a deferred job's clip will be there; stated when it was taken, and never moved."""
    predicted_wait_s: float | None = None
    """How long the wait was guessed to be then, before any stretching."""
    released_at: float | None = None
    """Since when a deferred job waits for a gang like others."""
    preemptions: int = 0
    """How often it gave way to another job."""
    suspended_at: float | None = None
    """Since when it waits to go on, if it gave way; None once it runs again."""
    history: tuple[Note, ...] = ()
    """What was decided about it, the oldest first."""

    @property
    def deferred(self) -> bool:
        """Whether it is kept for later, and takes part in no queue yet."""
        return (
            self.status is Status.QUEUED
            and self.promised_by is not None
            and self.released_at is None
        )

    @property
    def estimated_price(self) -> float:
        return self.predicted_gpu_s * self.price_per_gpu_s

    @property
    def price(self) -> float | None:
        """What an ended job costs: what it took, and nothing if it failed."""
        if not self.ended:
            return None
        return 0.0 if self.status is Status.FAILED else self.timings.gpu_s * self.price_per_gpu_s

    @property
    def progress(self) -> int:
        """Percent, by the last finished step; 100 only when the clip is stored."""
        if self.status in (Status.COMPLETED, Status.EXPIRED):
            return 100
        return min(99, 100 * self.step // max(1, self.spec.steps))

    @property
    def ended(self) -> bool:
        return self.status in ENDED
