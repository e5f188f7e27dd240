"""Where each waiting job stands and when its clip should be ready: list scheduling."""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from autoscaling.ordering import Waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """A waiting job's place (0 is next) and seconds until its clip; None while no gang exists."""

    position: int
    eta_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class BusyGang:
    """A gang, the seconds until it is free (0 for an idle one), and the devices it holds."""

    free_in_s: float
    devices: int = 1


def outlook(
    ordered: Sequence[Waiting], gangs: Mapping[str, Sequence[BusyGang]]
) -> dict[str, Outlook]:
    """The outlook of each waiting job, in the order in which they will start; `gangs` by model.

    Each job goes to the gang that is free first, so with gangs free in 5 s and 20 s and three
    waiting jobs of 10 s each, the clips come after 15, 25 and 30 s. A job's GPU-seconds pass as
    many times faster as the gang has devices: nearly so, for they are mostly denoising.
    """
    free = {model: list(of_model) for model, of_model in gangs.items()}
    for heap in free.values():
        heapq.heapify(heap)
    places: dict[str, Outlook] = {}
    ahead: dict[str, int] = {}
    for job in ordered:
        heap = free.get(job.model, [])
        done_s = None
        if heap:
            done_s = heap[0].free_in_s + job.predicted_gpu_s / heap[0].devices
            heapq.heapreplace(heap, replace(heap[0], free_in_s=done_s))
        position = ahead.get(job.model, 0)
        ahead[job.model] = position + 1
        places[job.job_id] = Outlook(position=position, eta_s=done_s)
    return places
