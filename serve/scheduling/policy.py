"""The policy as the Scheduler runs it: what it sees each second, and whose turn it is.

No clock, no store and no Ray: jobs and times in, decisions out. What it has learnt can be taken
out as plain values and taken up by another process.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from autoscaling.admission import Situation
from autoscaling.fairness import FairShares
from autoscaling.gates import NO_SWITCHES, Switches
from autoscaling.ordering import TwoBands, Waiting
from autoscaling.promises import Promised, release
from autoscaling.usual import UsualClip
from autoscaling.watch import Watch
from serve.attempts.run import Run
from serve.jobs.job import Job, Status
from serve.messages import Answered
from serve.scheduling.costs import Costs
from serve.scheduling.fleet import Strength
from serve.scheduling.job_numbers import JobNumbers
from serve.scheduling.stands import Stands, stands
from serve.settings import Settings

MOST_RELEASED = 64
"""At one look: each is a write."""


class Policy:
    """Owns what is learnt: the gates' state, the accounts' shares, who got a clip lately."""

    def __init__(self, numbers: JobNumbers, now: float, usual: UsualClip) -> None:
        self.numbers = numbers
        self._rules = rules = numbers.rules
        self._watch = Watch(rules, now)
        self._shares = FairShares()
        self._order = TwoBands(self._shares, rules.order)
        self._charged: dict[str, float] = {}
        self._held: set[str] = set()
        self._recent: dict[str, float] = {}
        self._strength = Strength(gpus=0.0, by_model={}, gangs={})
        self.usual = usual
        """What a clip takes on average of late."""
        self._stands: Stands | None = None
        self._left_over: Mapping[str, int] = {}
        self.situation: Situation | None = None
        """What requests are decided from, since the first look."""

    @property
    def gate_flips(self) -> dict[str, int]:
        """How often each tier's gate has moved."""
        names = [tier.name for tier in self._rules.tiers]
        return dict(zip(names, self._watch.gates.flips, strict=True))

    def answered(self, answers: Iterable[Answered], now: float) -> None:
        """What Gateways were asked for, whatever became of it."""
        for answer in answers:
            self._watch.asked(self._rules.tiers.rank(answer.tier), answer.gpu_s, now, answer.model)
            counted = answer.requests if answer.counted is None else answer.counted
            self.usual = self.usual.asked(answer.gpu_s, counted)

    def look(
        self,
        *,
        waiting: Iterable[Job],
        deferred: Iterable[Job],
        running: Iterable[Run],
        strength: Strength,
        now: float,
        switches: Switches = NO_SWITCHES,
    ) -> Situation:
        """Measure, and move the gates."""
        self.numbers.renew()
        self._strength, before = strength, self._stands
        waiting, running = list(waiting), list(running)
        busy = {job.account_id for job in waiting if job.promised_by is None}
        busy |= {run.job.account_id for run in running}
        self._shares.rest(busy, now, self._rules.shedding.session_s)
        self._stands = stands(
            waiting=waiting,
            deferred=list(deferred),
            running=running,
            strength=strength,
            numbers=self.numbers,
            now=now,
        )
        self._left_over = self._stands.left_over(before)
        self.situation = self._watch.look(self._stands.whole, now, switches)
        return self.situation

    def releases(self, now: float) -> list[str]:
        """Deferred jobs that are to wait like others from now on, by their ids: for each model as
        many as its gangs have room for."""
        if self.situation is None or self._stands is None:
            return []
        released: list[Promised] = []
        for model, deferred in self._stands.deferred.items():
            of_model = release(
                deferred,
                load=self.situation.load_of(model),
                idle_gangs=self._left_over.get(model, 0),
                drain_target_s=self._rules.saturation.drain_target_s,
                rule=self._rules.release,
                now=now,
            )
            released += of_model[:MOST_RELEASED]
        return [promised.job_id for promised in released]

    def ordered(self, jobs: Iterable[Job], running: Iterable[Run], now: float) -> list[Waiting]:
        """Waiting jobs, the one that is next first."""
        waiting = [self.numbers.waiting(job) for job in jobs]
        return self._order.order(waiting, now, low_part=self._low_part(running))

    def band(self, waiting: Waiting, running: Iterable[Run], now: float) -> str:
        """Why it stands where it does, as a word."""
        place = self._order.place(waiting, now, self._low_part(running))
        return place[0].name.lower()

    def drain_s(self, jobs: Iterable[Job]) -> dict[str, float]:
        """Seconds until these jobs are done, by model."""
        work: dict[str, float] = {}
        for job in jobs:
            work[job.model] = work.get(job.model, 0.0) + self.numbers.left_gpu_s(job)
        gpus = self._strength.by_model
        return {model: gpu_s / max(1.0, gpus.get(model, 0.0)) for model, gpu_s in work.items()}

    def started(self, waiting: Waiting, job: Job, held_until: float | None = None) -> None:
        """A job's attempt begins; `waiting` is how it stood in the queue, `held_until` when others
        of its account last kept it from starting: it did not wait for gangs before."""
        now = job.attempt_started_at or job.created_at
        if held_until is not None:
            self._held.add(job.id)
        if waiting.paid:
            if job.attempt == 1:
                whole_s = self.numbers.standalone_s(job)
                afford_s = waiting.deadline - job.created_at - whole_s
                since = max(job.created_at, held_until or job.created_at)
                self._watch.waited(now - since, afford_s, now)
            return
        in_turn = self._order.in_turn(waiting, now)
        self._shares.started(
            job.account_id, waiting.predicted_gpu_s, waiting.weight, in_turn=in_turn
        )
        self._charged[job.id] = job.timings.gpu_s + waiting.predicted_gpu_s

    def left(self, job: Job, gpu_s: float) -> None:
        """An attempt is over; until now the job has taken `gpu_s`, earlier attempts included."""
        charged = self._charged.pop(job.id, None)
        if charged is not None:
            weight = self.numbers.tier(job).weight
            self._shares.corrected(job.account_id, gpu_s - charged, weight)

    def finished(self, job: Job) -> None:
        """A job has ended; to be told once for each."""
        held = job.id in self._held
        self._held.discard(job.id)
        if job.status is not Status.COMPLETED or job.completed_at is None:
            return
        self._recent[job.account_id] = max(
            job.completed_at, self._recent.get(job.account_id, job.completed_at)
        )
        if (
            job.promised_by is not None and not held
        ):  # what its own account did to it teaches nothing
            waited_s, promised_s = (
                until - job.created_at for until in (job.completed_at, job.promised_by)
            )
            self._watch.kept(waited_s, promised_s, self.numbers.target_then_s(job))

    def recent_accounts(self, now: float) -> frozenset[str]:
        """Accounts that got a clip within the last session's time."""
        since = now - self._rules.shedding.session_s
        known = self._recent.items()  # a clock that was set back makes nobody recent for longer
        self._recent = {name: min(at, now) for name, at in known if at >= since}
        return frozenset(self._recent)

    def plain(self) -> dict[str, Any]:
        """All that it has learnt, as JSON holds it."""
        return {
            "watch": self._watch.plain(),
            "shares": self._shares.plain(),
            "recent": dict(self._recent),
            "usual_gpu_s": self.usual.gpu_s,
        }

    def take_up(self, plain: Mapping[str, Any], now: float) -> list[str]:
        """Go on from what another process learnt; what is old counts as old. Returns the parts
        that could not be read, which are learnt anew."""
        return take_up_each(
            {
                "watch": partial(self._take_up_watch, now=now),
                "shares": self._shares.take_up,
                "recent": partial(self._take_up_recent, now=now),
                "usual_gpu_s": self._take_up_usual,
            },
            plain,
        )

    def _take_up_watch(self, plain: dict[str, Any], now: float) -> None:
        watch = Watch(self._rules, now)
        watch.take_up(plain, now)
        self._watch = watch  # the whole of it, or nothing

    def _take_up_recent(self, plain: Mapping[str, float], now: float) -> None:
        self._recent = {name: min(float(at), now) for name, at in plain.items()}

    def _take_up_usual(self, gpu_s: float) -> None:
        self.usual = UsualClip(gpu_s=float(gpu_s))

    def _low_part(self, running: Iterable[Run]) -> float:
        """The part of the GPUs that unpaid jobs have."""
        numbers = self.numbers
        low = sum(r.devices for r in running if r.on_gang and not numbers.tier(r.job).paid)
        return low / max(1.0, self._strength.gpus)


def take_up_each(parts: Mapping[str, Callable[[Any], None]], plain: Mapping[str, Any]) -> list[str]:
    """Go on from what another version may have written, part by part; returns those that could not
    be read."""
    unread = []
    for name, take_up in parts.items():
        try:
            take_up(plain[name])
        except (AttributeError, KeyError, TypeError, ValueError):
            unread.append(name)
    return unread


def open_policy(
    settings: Settings, costs: Costs, standard: Callable[[Job], int], now: float
) -> Policy:
    """The policy that the settings state; the usual clip is at first the first model's."""
    numbers = JobNumbers(settings.rules, costs, standard)
    usual = UsualClip(gpu_s=costs.usual(settings.models[0].name).total_s)
    return Policy(numbers, now, usual)
