"""What there is to do, in all and for each model, as the policy's plain numbers."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from autoscaling.promises import Promised
from autoscaling.watch import Stand
from serve.attempts.run import Run
from serve.jobs.job import Job
from serve.scheduling.fleet import Strength
from serve.scheduling.job_numbers import JobNumbers
from serve.scheduling.own_limits import contending, held_back

Work = Mapping[str, Sequence[float]]
"""GPU-seconds by rank, for each model."""
Owed = Mapping[str, Sequence[Promised]]
"""For each model, the earliest promise first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stands:
    """`idle_gangs` are those for which no released job waits; `deferred` are those that may begin
    or have to."""

    whole: Stand
    deferred: Owed = field(default_factory=dict)
    idle_gangs: Mapping[str, int] = field(default_factory=dict)
    let_in: frozenset[str] = frozenset()
    """Models for which jobs wait that were let in at once."""

    def left_over(self, before: "Stands | None") -> dict[str, int]:
        """Idle gangs that nobody else takes: where jobs wait that were let in, those that were idle
        at the look before, too. They begin within moments, unless they need other gangs."""
        then = before.idle_gangs if before else {}
        return {
            model: min(idle, then.get(model, 0)) if model in self.let_in else idle
            for model, idle in self.idle_gangs.items()
        }


def stands(
    *,
    waiting: Collection[Job],
    deferred: Collection[Job],
    running: Collection[Run],
    strength: Strength,
    numbers: JobNumbers,
    now: float,
) -> Stands:
    """As of now. A model that is no longer offered has no gangs, and its jobs count in all only.

    What waits for others of its own account takes no gang, and fills nobody's way with more than
    its account can have done until the work of all should be.
    """
    at_work = [run.job for run in running]
    held = _held_back(waiting, deferred, at_work)
    able = [job for job in waiting if job.id not in held]
    released = [job for job in waiting if job.promised_by is not None]
    work = (
        _work(_in_the_way(waiting, at_work, numbers), numbers),
        _work(at_work, numbers),
        _work(deferred, numbers),
    )
    owed = _promised((*deferred, *released), numbers)
    whole = _stand(strength.gpus, set().union(*work), work, owed, numbers)
    several = strength.by_model if len(strength.by_model) > 1 else {}
    busy = Counter(run.job.model for run in running if run.on_gang)
    taken = busy + Counter(job.model for job in able if job.promised_by is not None)
    later = [job for job in deferred if job.id not in held or numbers.is_due(job, now)]
    return Stands(
        whole=replace(
            whole,
            models={
                model: _stand(gpus, [model], work, owed, numbers) for model, gpus in several.items()
            },
        ),
        deferred=_promised(later, numbers),
        idle_gangs={model: gangs - taken[model] for model, gangs in strength.gangs.items()},
        let_in=frozenset(job.model for job in able if job.promised_by is None),
    )


def _held_back(
    waiting: Iterable[Job], deferred: Iterable[Job], at_work: Iterable[Job]
) -> frozenset[str]:
    """Of both; those that were let in go first, and then the earliest promise."""
    queue = sorted(waiting, key=lambda job: job.created_at)
    queue += sorted(deferred, key=lambda job: job.promised_by or job.created_at)
    return held_back(queue, at_work)


def _in_the_way(waiting: Iterable[Job], at_work: list[Job], numbers: JobNumbers) -> list[Job]:
    return contending(
        waiting,
        at_work,
        seconds_of=lambda job: numbers.seconds_on(job, numbers.standard(job)),
        within_s=numbers.rules.saturation.drain_target_s,
    )


def _stand(
    gpus: float,
    models: Iterable[str],
    work: tuple[Work, Work, Work],
    owed: Owed,
    numbers: JobNumbers,
) -> Stand:
    models = list(models)
    queued, at_work, later = (_sums(each, models, len(numbers.rules.tiers)) for each in work)
    promised = [each for model in models for each in owed.get(model, ())]
    return Stand(
        gpus=gpus,
        backlog_gpu_s=[sum(both) for both in zip(queued, at_work, strict=True)],
        running_gpu_s=at_work,
        promised_gpu_s=later,
        promised=sorted(promised, key=_by_promise),
    )


def _work(jobs: Iterable[Job], numbers: JobNumbers) -> Work:
    """What is left to do of these jobs."""
    work: dict[str, list[float]] = {}
    for job in jobs:
        of_model = work.setdefault(job.model, [0.0] * len(numbers.rules.tiers))
        of_model[numbers.rank(job)] += numbers.left_gpu_s(job)
    return work


def _sums(work: Work, models: Sequence[str], num_tiers: int) -> list[float]:
    of_each = [work[model] for model in models if model in work]
    return [sum(gpu_s) for gpu_s in zip(*of_each, strict=True)] or [0.0] * num_tiers


def _promised(jobs: Iterable[Job], numbers: JobNumbers) -> Owed:
    owed: dict[str, list[Promised]] = {}
    for job in jobs:
        owed.setdefault(job.model, []).append(numbers.promised(job))
    return {model: sorted(of_model, key=_by_promise) for model, of_model in owed.items()}


def _by_promise(promised: Promised) -> tuple[float, str]:
    return promised.finish_by, promised.job_id
