"""Finish times that can be promised: from the work ahead, stretched as far as it proves needed.

A promise is kept because it is careful when it is made: nine times in ten the clip is there by
then. It never moves afterwards, and a promised job is not shed.

Worked numbers: 16 GPUs, half of them taken by paid jobs, 25 % of the rest in reserve. 20,000
GPU-seconds ahead and 150 of its own take 20,150 / (16 * 0.375) = 3,358 s; at a stretch of 1.25 the
promise is 70 minutes.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from autoscaling.decisions import Reason
from autoscaling.load import Load
from autoscaling.tiers import HOUR_S, Tiers


@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseRule:
    """How careful promises are."""

    horizon_s: float = 4 * HOUR_S
    """No more is promised than all GPUs can do in this time; paid tiers count their own only."""
    in_reserve: float = 0.25
    """Part of what paid jobs leave that is not counted on: they may ask for more tomorrow."""
    least_share: float = 0.1
    """Promised work gets this part of the GPUs at least, whatever the others ask for."""
    quantile: float = 0.9
    """How many of the promises that were stretched are to be kept."""
    first_stretch: float = 1.25
    learning: float = 0.02
    """A broken promise stretches the next ones by nine tenths of this, a kept one shrinks them by
    one tenth: they stay as they are where nine in ten are kept."""
    least_stretch: float = 0.8
    """Below 1 what is in reserve has proved to be more than is needed."""
    most_stretch: float = 4.0
    soon_s: float = 60.0
    """What is due sooner than that counts as due then, as what is overdue does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What predictions are multiplied with; `learnt` is nothing before any promise has ended.

    It learns from whether promises were kept, not from how long the clips took: many take long on
    purpose, held back until they are due. A stretch learnt from that would be right for ever.
    """

    learnt: float | None = None

    def observed(self, rule: PromiseRule, *, kept: bool) -> "Stretch":
        """With one more stretched promise that has ended."""
        stretched = self.factor(rule) + rule.learning * (rule.quantile - kept)
        return Stretch(learnt=min(max(stretched, rule.least_stretch), rule.most_stretch))

    def factor(self, rule: PromiseRule) -> float:
        """What to multiply a prediction with so that it is kept as often as the rule says."""
        return rule.first_stretch if self.learnt is None else self.learnt


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A job that asks for a promise; `standalone_s` is its time on an idle gang, `own_wait_s` how
    long others of its account keep it waiting, whatever room there is."""

    gpu_s: float
    standalone_s: float
    own_wait_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """A finish time that is kept; `predicted_s` from now on is the guess before any stretching."""

    finish_by: float
    predicted_s: float


def predicted_s(wish: Wish, rank: int, load: Load, tiers: Tiers, rule: PromiseRule) -> float:
    """Seconds until the job is done if it is made after all that waits or is promised now.

    Promised jobs of paid tiers wait for paid ones only.
    """
    before = tiers.paid_ranks if tiers[rank].paid else None
    ahead_gpu_s = load.backlog_gpu_s(before) + load.promised_gpu_s(before)
    kept = 0.0 if tiers[rank].paid else rule.in_reserve
    share = max(rule.least_share, load.left_by(tiers.paid_ranks) * (1 - kept))
    own_s = wish.own_wait_s + wish.standalone_s
    return max(own_s, (ahead_gpu_s + wish.gpu_s) / (load.gpus * share))


def promise(
    wish: Wish,
    rank: int,
    *,
    load: Load,
    tiers: Tiers,
    stretch: Stretch,
    rule: PromiseRule,
    now: float,
) -> Promise | Reason:
    """A finish time, or why none can be promised.

    It is never earlier than the tier's ordinary target: nobody is owed more for having waited.
    """
    tier = tiers[rank]
    if load.gpus <= 0:
        return Reason.NO_GPUS
    if tier.max_promise_s <= 0:
        return Reason.NO_PROMISES
    before = tiers.paid_ranks if tier.paid else None
    if load.promised_gpu_s(before) + wish.gpu_s > load.gpus * rule.horizon_s:
        return Reason.TOO_MUCH
    guess_s = predicted_s(wish, rank, load, tiers, rule)
    wait_s = max(guess_s * stretch.factor(rule), tier.target_s(wish.standalone_s))
    if wait_s > tier.max_promise_s:
        return Reason.TOO_FAR
    return Promise(finish_by=now + wait_s, predicted_s=guess_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promised:
    """A deferred job that was not released yet."""

    job_id: str
    finish_by: float
    gpu_s: float
    standalone_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRule:
    """When deferred jobs join those that wait for a gang."""

    fill_to: float = 0.7
    """Released while what waits for a gang takes less than this part of the drain target."""
    lead_s: float = 900.0
    """Also released this long before it must begin: a promise outweighs a full queue."""


def pressure(
    promised: Iterable[Promised], *, load: Load, tiers: Tiers, rule: PromiseRule, now: float
) -> float:
    """How much of what paid jobs leave is needed to keep all promises: above 1 some are broken.

    `promised` are all unfinished ones, sorted by their times. Between now and each of these times
    there is so much work that must be done by then; the tightest time counts.
    """
    rate = load.gpus * max(rule.least_share, load.left_by(tiers.paid_ranks))
    if rate <= 0:
        return 0.0
    tightest, work_gpu_s, soon_s = 0.0, 0.0, rule.soon_s
    for job in promised:
        work_gpu_s += job.gpu_s
        left_s = job.finish_by - now - job.standalone_s
        asked = work_gpu_s / (left_s if left_s > soon_s else soon_s)
        if asked > tightest:  # noqa: PLR1730  # thousands of promises are gone through each second
            tightest = asked
    return tightest / rate


def due_at(finish_by: float, standalone_s: float, rule: ReleaseRule) -> float:
    """When a promised job goes before all others that are not paid for."""
    return finish_by - 2 * standalone_s - rule.lead_s


def release(
    promised: Iterable[Promised],
    *,
    load: Load,
    idle_gangs: int,
    drain_target_s: float,
    rule: ReleaseRule,
    now: float,
) -> list[Promised]:
    """Which deferred jobs join the queue now; `promised` comes sorted, the earliest promise first.

    One that is due goes anyway, and before others: a long clip is due before a shorter one that is
    promised for the same time. The rest fill what is left over, in the order of their promises:
    what runs takes no room, and each of the `idle_gangs` (those for which no released job waits)
    gets one, however much waits for other gangs.
    """
    released: list[Promised] = []
    early: list[Promised] = []
    for job in promised:
        is_due = now >= due_at(job.finish_by, job.standalone_s, rule)
        (released if is_due else early).append(job)
    room_gpu_s = rule.fill_to * drain_target_s * load.gpus - load.queued_gpu_s()
    room_gpu_s -= sum(job.gpu_s for job in released)
    for job in early:
        if room_gpu_s <= 0 and len(released) >= idle_gangs:
            break
        room_gpu_s -= job.gpu_s
        released.append(job)
    return released
