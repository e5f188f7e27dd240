"""The gangs of the replay, and what runs on them: work that takes its time, step by step."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from autoscaling.placement import FreeGangs
from autoscaling.replay.jobs import START_S, STEPS, SimJob, seconds_on


@dataclass(slots=True, kw_only=True, eq=False)
class Run:
    """A job on a gang since `since`; `skipped` of its steps were done before."""

    job: SimJob
    since: float
    skipped: float
    step_s: float
    """What a step really takes."""
    ends_at: float
    gives_way: bool = False

    def steps_done(self, now: float) -> int:
        """Whole steps of this run."""
        if now >= self.ends_at:
            return STEPS - round(self.skipped * STEPS)
        return max(0, int((now - self.since - START_S) / self.step_s + 1e-9))

    def next_step_at(self, now: float) -> float:
        """The next step boundary."""
        steps = ceil(max(0.0, now - self.since - START_S) / self.step_s - 1e-9)
        return min(self.ends_at, self.since + START_S + steps * self.step_s)

    def done(self, now: float) -> float:
        """Part of the whole job that is finished, in whole steps."""
        return min(1.0, self.skipped + self.steps_done(now) / STEPS)

    def left_gpu_s(self, now: float) -> float:
        """Predicted for what is left, on one GPU."""
        return self.job.size.gpu_s * (1 - self.done(now))


@dataclass(slots=True, kw_only=True, eq=False)
class Gang:
    """So many GPUs that make one clip at a time."""

    number: int
    degree: int
    up: bool = True
    run: Run | None = None


class Cluster:
    """All gangs. `now` is set by the replay before anybody looks."""

    def __init__(self, degrees: Sequence[int]) -> None:
        self.gangs = [Gang(number=n, degree=degree) for n, degree in enumerate(degrees)]
        self.now = 0.0
        self.num_free = len(self.gangs)
        self.gpus = sum(degrees)
        """Of gangs that are up."""
        self.busy_gpu_s = 0.0

    def running(self) -> Iterator[tuple[Gang, Run]]:
        for gang in self.gangs:
            if gang.run is not None:
                yield gang, gang.run

    def free(self) -> list[FreeGangs]:
        """By degree, as the placement takes them."""
        count: dict[int, int] = {}
        for gang in self.gangs:
            if gang.up and gang.run is None:
                count[gang.degree] = count.get(gang.degree, 0) + 1
        return [
            FreeGangs(shape=str(degree), devices=degree, num_free=num)
            for degree, num in count.items()
        ]

    def free_gang(self, degree: int) -> Gang:
        """One of this degree. Raises `StopIteration` if there is none."""
        return next(
            gang for gang in self.gangs if gang.up and gang.run is None and gang.degree == degree
        )

    def start(self, job: SimJob, gang: Gang) -> Run:
        """The job begins, or goes on, on a free gang."""
        step_s = seconds_on(job.true_gpu_s, gang.degree) / STEPS
        steps = STEPS - round(job.done * STEPS)
        run = Run(
            job=job,
            since=self.now,
            skipped=job.done,
            step_s=step_s,
            ends_at=self.now + START_S + steps * step_s,
        )
        gang.run = run
        self.num_free -= 1
        job.suspended_at = None
        if job.started_at is None:
            job.started_at = self.now
        return run

    def stop(self, gang: Gang) -> SimJob:
        """The gang's job ends or is put aside, with the steps it has; the gang is free."""
        run = gang.run
        assert run is not None
        held = gang.degree * (self.now - run.since)
        run.job.held_gpu_s += held
        self.busy_gpu_s += held
        run.job.done = run.done(self.now)
        gang.run = None
        self.num_free += gang.up
        return run.job

    def fails(self, gang: Gang) -> SimJob | None:
        """The gang is gone; its job, if it had one, keeps the steps it had finished."""
        job = self.stop(gang) if gang.run is not None else None
        gang.up = False
        self.gpus -= gang.degree
        self.num_free -= 1
        return job

    def returns(self, gang: Gang) -> None:
        gang.up = True
        self.gpus += gang.degree
        self.num_free += 1
