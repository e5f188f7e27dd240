"""Who is next: the order in which waiting jobs get the GPUs."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from autoscaling.fairness import FairShares


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A waiting job as plain numbers: higher `tier_rank` goes first; times are Unix seconds."""

    job_id: str
    model: str
    tier_rank: int
    created_at: float
    predicted_gpu_s: float
    account_id: str = ""
    weight: float = 1.0
    """Of the account's share among jobs that are not paid for."""
    paid: bool = False
    deadline: float = float("inf")
    """When the clip should be there; of a promised job, when it will be."""
    standalone_s: float = 0.0
    """What is left to do, in seconds on an idle gang of standard size."""
    due_at: float = float("inf")
    """From when on the job goes before all that are not paid for."""
    promised: bool = False
    """Whether `deadline` was promised when the job was deferred."""
    suspended_at: float | None = None
    """Since when it waits to go on, if it was made to give way."""

    def slack_s(self, now: float) -> float:
        """Seconds that it can wait and still be there in time."""
        return self.deadline - now - self.standalone_s


class Band(IntEnum):
    """Lower ones go first."""

    RESUMED = 0  # gave way for as long as anybody may be made to
    FLOOR = 1  # the low band's guaranteed share, while it has less
    PAID = 2  # by least slack
    LATE = 3  # paid, and late whatever is done: for a while it must not make others late too
    DUE = 4  # promised jobs that must begin, and jobs that waited far too long
    BROKEN = 5  # promised, and too late: one broken promise must not break the next
    FAIR = 6  # all others, by their accounts' shares
    LEFT_OVER = 7  # promised, and not due: made from what nobody else needs now


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRule:
    """`low_share` is the part of the GPUs that jobs which are not paid for get in any case."""

    low_share: float = 0.0
    longest_suspension_s: float = 120.0
    longest_overrun: float = 1.15
    """A job that waits this many times what it was promised goes before other promises again."""
    aged_after: float = 3.0
    """A job that was let in is due, or if it is paid for first of all, when it has waited this
    many times its target."""

    def aged_at(self, created_at: float, deadline: float) -> float:
        """When a job that was let in, and promised nothing, has waited far too long."""
        return created_at + self.aged_after * (deadline - created_at)


Place = tuple[Band, float, float, str]


class TwoBands:
    """Paid jobs by least slack, then what is due, then all others by fair shares."""

    def __init__(self, shares: FairShares, rule: OrderRule) -> None:
        self._shares = shares
        self._rule = rule

    def order(
        self, waiting: Sequence[Waiting], now: float, *, low_part: float = 1.0
    ) -> list[Waiting]:
        """All waiting jobs, next one first; `low_part` of the GPUs has the low band now.

        An account's second job stands where it will when its first one has begun.
        """
        ahead: dict[str, float] = {}
        places: list[tuple[Place, Waiting]] = []
        for job in sorted(waiting, key=lambda job: (job.created_at, job.job_id)):
            place = self.place(job, now, low_part, ahead.get(job.account_id, 0.0))
            places.append((place, job))
            if place[0] in (Band.FAIR, Band.FLOOR):
                more = job.predicted_gpu_s / job.weight
                ahead[job.account_id] = ahead.get(job.account_id, 0.0) + more
        return [job for _, job in sorted(places, key=lambda each: each[0])]

    def place(self, job: Waiting, now: float, low_part: float = 1.0, ahead: float = 0.0) -> Place:
        """Where the job stands; the lowest place is next. Ties fall to arrival, then to the id."""
        band, within = self._band(job, now, low_part)
        if band in (Band.FAIR, Band.FLOOR):
            within = self._shares.tag(job.account_id) + ahead
        return band, within, job.created_at, job.job_id

    def in_turn(self, job: Waiting, now: float) -> bool:
        """Whether it is its account's share that says when it begins."""
        return self._band(job, now, 1.0)[0] is Band.FAIR

    def _band(self, job: Waiting, now: float, low_part: float) -> tuple[Band, float]:
        since = job.suspended_at
        if since is not None and now - since >= self._rule.longest_suspension_s:
            return Band.RESUMED, since
        if job.paid:
            latest_start = job.deadline - job.standalone_s
            late = latest_start < now < self._rule.aged_at(job.created_at, job.deadline)
            return (Band.LATE if late else Band.PAID), latest_start
        if now >= job.due_at:
            return self._due(job, now)
        if job.promised:
            return Band.LEFT_OVER, job.deadline
        return (Band.FLOOR if low_part < self._rule.low_share else Band.FAIR), 0.0

    def _due(self, job: Waiting, now: float) -> tuple[Band, float]:
        lost = now + job.standalone_s > job.deadline
        bound = job.created_at + self._rule.longest_overrun * (job.deadline - job.created_at)
        return (Band.BROKEN if lost and now < bound else Band.DUE), job.deadline
