"""Where each waiting job stands and when its clip should be ready: list scheduling."""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoscaling.ordering import Waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """A waiting job's place (0 is next) and seconds until its clip; None while no gang exists."""

    position: int
    eta_s: float | None


def outlook(
    ordered: Sequence[Waiting], busy_s: Mapping[str, Sequence[float]]
) -> dict[str, Outlook]:
    """The outlook of each waiting job, in the order in which they will start.

    `busy_s` gives, per model, the seconds until each of its gangs is free (0 for an idle one).
    Each job goes to the gang that is free first, so with gangs free in 5 s and 20 s and three
    waiting jobs of 10 s each, the clips come after 15, 25 and 30 s.
    """
    free_at = {model: list(seconds) for model, seconds in busy_s.items()}
    for heap in free_at.values():
        heapq.heapify(heap)
    places: dict[str, Outlook] = {}
    ahead: dict[str, int] = {}
    for job in ordered:
        heap = free_at.get(job.model, [])
        done_s = None
        if heap:
            done_s = heap[0] + job.predicted_gpu_s
            heapq.heapreplace(heap, done_s)
        position = ahead.get(job.model, 0)
        ahead[job.model] = position + 1
        places[job.job_id] = Outlook(position=position, eta_s=done_s)
    return places
