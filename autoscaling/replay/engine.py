"""The replay itself: arrivals, ends and step boundaries in the order of their times."""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from autoscaling.decisions import Defer, Reason, Shed
from autoscaling.replay.cluster import Cluster, Gang, Run
from autoscaling.replay.jobs import SimJob
from autoscaling.replay.policy import Policy
from autoscaling.replay.scenarios import HOUR, Outage, Scenario

TICK_S = 20.0
"""The service looks once a second; looking every 5, 10 or 20 s changes no goodput by over 0.003."""
RETRY_S = 30.0
LONGEST_S = 72 * HOUR
"""A replay that is not over by then is stopped; what waits is unfinished."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An answer that somebody was given."""

    at: float
    rank: int
    shed: bool


@dataclass(slots=True, kw_only=True)
class Record:
    """What happened. `used_gpu_s` is within the scenario's hours."""

    scenario: Scenario
    jobs: Sequence[SimJob]
    told: list[Told] = field(default_factory=list)
    used_gpu_s: float = 0.0
    flips: dict[str, int] = field(default_factory=dict)


class Replay:
    """One scenario's jobs through one policy. Raises `ValueError` if it wants other GPUs."""

    def __init__(self, scenario: Scenario, jobs: Sequence[SimJob], policy: Policy) -> None:
        if sum(policy.degrees) != scenario.gpus:
            raise ValueError(
                f"gangs of {policy.degrees} are {sum(policy.degrees)} GPUs, and {scenario.name} "
                f"has {scenario.gpus}"
            )
        self._scenario = scenario
        self._policy = policy
        self._cluster = Cluster(policy.degrees)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._unfinished = len(jobs)
        self._record = Record(scenario=scenario, jobs=jobs)
        for job in jobs:
            self._at(job.arrived_at, partial(self._arrives, job))
        if scenario.outage:
            self._plan(scenario.outage)
        self._at(scenario.hours * HOUR, self._hours_are_over)
        self._at(0.0, self._tick)

    def run(self) -> Record:
        """Until every job is done or shed."""
        while self._events and (self._unfinished or not self._record.used_gpu_s):
            at, _, act = heapq.heappop(self._events)
            if at > LONGEST_S:
                break
            self._cluster.now = at
            act()
            self._dispatch()
        self._record.flips = self._policy.flips()
        return self._record

    def _plan(self, outage: Outage) -> None:
        """The first gangs, until a part of the GPUs is gone that is at least as large."""
        to_go = outage.part * self._scenario.gpus
        for gang in self._cluster.gangs:
            if to_go > 0:
                self._at(outage.begins_h * HOUR, partial(self._fails, gang))
                self._at(outage.ends_h * HOUR, partial(self._cluster.returns, gang))
                to_go -= gang.degree

    def _at(self, time: float, act: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (time, self._count, act))

    def _arrives(self, job: SimJob) -> None:
        cluster, now = self._cluster, self._cluster.now
        decision = self._policy.arrives(job, cluster)
        job.decision = decision
        job.tries += 1
        shed = isinstance(decision, Shed)
        self._record.told.append(Told(at=now, rank=job.rank, shed=shed))
        if isinstance(decision, Defer):
            job.promised_by = decision.finish_by
            job.predicted_s = decision.predicted_s
        if shed and job.tries <= self._scenario.retries:
            self._at(now + RETRY_S, lambda: self._arrives(job))
        elif shed:
            self._unfinished -= 1

    def _dispatch(self) -> None:
        """Start what can start; ask those to give way that should."""
        while self._cluster.num_free and (chosen := self._policy.next(self._cluster)):
            self._starts(*chosen)
        while yielding := self._policy.gives_way(self._cluster):
            assert yielding.run is not None
            yielding.run.job.preemptions += 1
            self._asks_to_stop(yielding, yielding.run)
        if moving := self._policy.moves(self._cluster):
            assert moving.run is not None
            self._asks_to_stop(moving, moving.run)

    def _starts(self, job: SimJob, gang: Gang) -> None:
        run = self._cluster.start(job, gang)
        self._at(run.ends_at, lambda: self._ends(gang, run))

    def _asks_to_stop(self, gang: Gang, run: Run) -> None:
        run.gives_way = True
        self._at(run.next_step_at(self._cluster.now), lambda: self._stops(gang, run))

    def _ends(self, gang: Gang, run: Run) -> None:
        if gang.run is not run:
            return
        job = self._cluster.stop(gang)
        job.done = 1.0
        job.finished_at = self._cluster.now
        self._unfinished -= 1
        self._policy.ended(job, self._cluster)

    def _stops(self, gang: Gang, run: Run) -> None:
        if gang.run is not run or self._cluster.now >= run.ends_at:
            return
        job = self._cluster.stop(gang)
        job.suspended_at = self._cluster.now
        self._policy.again(job, self._cluster)

    def _fails(self, gang: Gang) -> None:
        if job := self._cluster.fails(gang):
            self._policy.again(job, self._cluster)

    def _tick(self) -> None:
        for job in self._policy.tick(self._cluster):
            job.decision = Shed(reason=Reason.TOO_FAR, retry_after_s=0.0)
            self._record.told.append(Told(at=self._cluster.now, rank=job.rank, shed=True))
            self._unfinished -= 1
        self._at(self._cluster.now + TICK_S, self._tick)

    def _hours_are_over(self) -> None:
        cluster = self._cluster
        running = sum(gang.degree * (cluster.now - run.since) for gang, run in cluster.running())
        self._record.used_gpu_s = cluster.busy_gpu_s + running
