"""The most that anybody could make in time who serves paid tiers first: what no policy exceeds.

Work is a fluid here: it is divided at will, costs what it does on the cheapest gang on which it can
be in time, and is known before it is done. Paid work is always in time; all other work goes by its
deadline, and what its deadline has passed is lost.
"""

import heapq
from collections.abc import Sequence
from typing import Final

from autoscaling.replay.jobs import EFFICIENCY, SimJob
from autoscaling.replay.scenarios import HOUR, Outage, Scenario

STEP_S: Final = 15.0
PAID_EFFICIENCY: Final = EFFICIENCY[2]
"""On one GPU no paid clip is in time."""


def most_in_time(
    scenario: Scenario, jobs: Sequence[SimJob], paid_from: int, longest_s: float
) -> float:
    """The part of the work that can be made in time if what is not paid for may take `longest_s`,
    or its target where that is longer. Slightly too much: it comes a step early."""
    left = sorted(jobs, key=lambda job: job.arrived_at, reverse=True)
    heap: list[tuple[float, float]] = []
    paid = made = lost = now = 0.0
    while left or heap or paid > 0:
        while left and left[-1].arrived_at < now + STEP_S:
            job = left.pop()
            if job.rank >= paid_from:
                paid += job.true_gpu_s / PAID_EFFICIENCY
            else:
                by = job.arrived_at + max(longest_s, job.deadline - job.arrived_at)
                heapq.heappush(heap, (by, job.true_gpu_s))
        room = _gpus(scenario, now) * STEP_S
        took = min(room, paid)
        paid -= took
        made += took * PAID_EFFICIENCY
        room -= took
        while heap and (room > 0 or heap[0][0] < now):
            by, gpu_s = heapq.heappop(heap)
            if by < now:
                lost += gpu_s
                continue
            took = min(room, gpu_s)
            made, room = made + took, room - took
            if took < gpu_s:
                heapq.heappush(heap, (by, gpu_s - took))
        now += STEP_S
    return made / (made + lost)


def _gpus(scenario: Scenario, now: float) -> float:
    out: Outage | None = scenario.outage
    if out and out.begins_h * HOUR <= now < out.ends_h * HOUR:
        return scenario.gpus * (1 - out.part)
    return scenario.gpus
