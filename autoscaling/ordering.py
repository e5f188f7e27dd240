"""Who is next: the order in which waiting jobs get the GPUs."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A waiting job as plain numbers: higher `tier_rank` goes first; times are Unix seconds."""

    job_id: str
    model: str
    tier_rank: int
    created_at: float
    predicted_gpu_s: float


class TierThenArrival:
    """Higher tiers first, and within a tier first come, first served."""

    def order(self, waiting: Sequence[Waiting]) -> list[Waiting]:
        """All waiting jobs, next one first; ties fall to the job id so that the order is total."""
        return sorted(waiting, key=lambda job: (-job.tier_rank, job.created_at, job.job_id))
