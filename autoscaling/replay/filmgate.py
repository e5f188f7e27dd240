"""filmgate's policy in the replay: the objects that decide in the service, and a list of jobs."""

from functools import partial

from autoscaling.admission import Request, Situation, decide
from autoscaling.decisions import Decision, Defer, Shed
from autoscaling.fairness import FairShares
from autoscaling.ordering import TwoBands, Waiting
from autoscaling.placement import place_by_need, place_higher
from autoscaling.preemption import gives_way, is_urgent
from autoscaling.promises import due_at, release
from autoscaling.replay.cluster import Cluster, Gang
from autoscaling.replay.jobs import (
    STANDARD_DEGREE,
    SimJob,
    seconds_on,
    standard_gpu_s,
)
from autoscaling.replay.options import Options
from autoscaling.replay.owed import Owed
from autoscaling.replay.sight import as_progress, as_running, lighter_variants
from autoscaling.watch import Stand, Watch


class Filmgate:
    """Situation at each tick, decisions from it at each arrival, order and gangs at each start."""

    def __init__(self, options: Options) -> None:
        self.degrees = options.degrees
        self._options = options
        self._rules = options.rules
        self._watch = Watch(options.rules, 0.0)
        self._shares = FairShares()
        self._order = TwoBands(self._shares, options.rules.order)
        self._waiting: dict[str, tuple[SimJob, Waiting]] = {}
        self._paid_waiting: dict[str, Waiting] = {}
        self._owed = Owed()
        self._outstanding: dict[str, int] = {}
        self._last_clip: dict[str, float] = {}
        self._charged: dict[str, float] = {}
        num_tiers = len(options.rules.tiers)
        self._backlog = [0.0] * num_tiers
        self._deferred = [0.0] * num_tiers
        self._sight: Situation | None = None

    def arrives(self, job: SimJob, cluster: Cluster) -> Decision:
        sight = self._sight or self._look(cluster)
        gpu_s = self._cost(job)
        if job.tries == 0:
            self._watch.asked(job.rank, gpu_s, cluster.now)
        decision = decide(self._request(job, gpu_s, cluster.now), sight, cluster.now)
        if isinstance(decision, Shed):
            return decision
        self._outstanding[job.account_id] = self._outstanding.get(job.account_id, 0) + 1
        if decision.variant is not None:
            job.becomes_lighter()
            gpu_s = self._cost(job)
        if isinstance(decision, Defer):
            self._owed.add(job, decision.finish_by, gpu_s, deferred=True)
            self._deferred[job.rank] += gpu_s
        else:
            self._wait(job)
        return decision

    def next(self, cluster: Cluster) -> tuple[SimJob, Gang] | None:
        now = cluster.now
        free = cluster.free()
        low_part = self._low_part(cluster)
        drain_s = sum(self._backlog) / max(1, cluster.gpus)
        for job, waiting in sorted(
            self._waiting.values(), key=lambda each: self._order.place(each[1], now, low_part)
        ):
            gangs = place_by_need(
                free,
                paid=waiting.paid,
                time_left_s=waiting.deadline - now,
                seconds_on=partial(seconds_on, job.left_gpu_s),
                drain_s=drain_s,
                rule=self._options.placement,
            )
            if gangs is not None:
                self._starts(job, waiting, now)
                return job, cluster.free_gang(gangs.devices)
        return None

    def gives_way(self, cluster: Cluster) -> Gang | None:
        if not self._options.preempts or not self._paid_waiting:
            return None
        rule, now = self._rules.preemption, cluster.now
        urgent = [each for each in self._paid_waiting.values() if is_urgent(each, now, rule)]
        if not urgent:
            return None
        runs = {run.job.job_id: (gang, run) for gang, run in cluster.running()}
        coming = sum(run.gives_way for _, run in runs.values())
        if len(urgent) <= coming:
            return None
        able = [
            as_running(gang, run, now, self._paid(run.job))
            for gang, run in runs.values()
            if not run.gives_way
        ]
        takes_s = max(each.standalone_s for each in urgent)
        chosen = gives_way(able, rule, least_degree=STANDARD_DEGREE, takes_s=takes_s)
        return runs[chosen.job_id][0] if chosen else None

    def moves(self, cluster: Cluster) -> Gang | None:
        if not self._options.moves or self._waiting or not cluster.num_free:
            return None
        if any(run.gives_way for _, run in cluster.running()):
            return None
        free = cluster.free()
        return next(
            (
                gang
                for gang, run in cluster.running()
                if place_higher(as_progress(gang, run, cluster.now), free, self._options.placement)
            ),
            None,
        )

    def again(self, job: SimJob, cluster: Cluster) -> None:
        self._settle(job)
        if job.promised_by is not None:
            self._owed.add(job, job.promised_by, self._cost(job), deferred=False)
        self._wait(job)

    def ended(self, job: SimJob, cluster: Cluster) -> None:
        self._settle(job)
        self._outstanding[job.account_id] -= 1
        self._last_clip[job.account_id] = cluster.now
        if job.promised_by is not None:
            target_s = self._rules.tiers[job.rank].target_s(job.standalone_s)
            promised_s = job.promised_by - job.arrived_at
            self._watch.kept(cluster.now - job.arrived_at, promised_s, target_s)

    def tick(self, cluster: Cluster) -> list[SimJob]:
        sight = self._sight = self._look(cluster)
        busy = {job.account_id for job, each in self._waiting.values() if not each.promised}
        busy |= {run.job.account_id for _, run in cluster.running()}
        self._shares.rest(busy, cluster.now, self._rules.shedding.session_s)
        released = release(
            self._owed.deferred(),
            load=sight.load,
            idle_gangs=cluster.num_free - sum(each.promised for _, each in self._waiting.values()),
            drain_target_s=self._rules.saturation.drain_target_s,
            rule=self._rules.release,
            now=cluster.now,
        )
        for promised in released:
            job = self._owed.release(promised)
            self._deferred[job.rank] -= self._cost(job)
            self._wait(job)
        return []

    def flips(self) -> dict[str, int]:
        names = [tier.name for tier in self._rules.tiers]
        return dict(zip(names, self._watch.gates.flips, strict=True))

    def _look(self, cluster: Cluster) -> Situation:
        running = [0.0] * len(self._backlog)
        for _, run in cluster.running():
            left = standard_gpu_s(run.left_gpu_s(cluster.now))
            running[run.job.rank] += self._options.mean_gpu_s or left
        stand = Stand(
            gpus=cluster.gpus,
            backlog_gpu_s=[sum(work) for work in zip(self._backlog, running, strict=True)],
            running_gpu_s=running,
            promised_gpu_s=self._deferred,
            promised=self._owed.all,
        )
        return self._watch.look(stand, cluster.now)

    def _request(self, job: SimJob, gpu_s: float, now: float) -> Request:
        clip_at = self._last_clip.get(job.account_id)
        return Request(
            account_id=job.account_id,
            rank=job.rank,
            gpu_s=gpu_s,
            standalone_s=job.standalone_s,
            outstanding=self._outstanding.get(job.account_id, 0),
            continuing=clip_at is not None and now - clip_at <= self._rules.shedding.session_s,
            lighter=lighter_variants(job) if self._options.lighter else (),
        )

    def _cost(self, job: SimJob) -> float:
        """On a gang of standard size."""
        return self._options.mean_gpu_s or standard_gpu_s(job.left_gpu_s)

    def _paid(self, job: SimJob) -> bool:
        return self._rules.tiers[job.rank].paid

    def _wait(self, job: SimJob) -> None:
        tier = self._rules.tiers[job.rank]
        if job.promised_by is not None:
            due = due_at(job.promised_by, job.standalone_s, self._rules.release)
        else:
            due = self._rules.order.aged_at(job.arrived_at, job.deadline)
        gpu_s = self._cost(job)
        self._backlog[job.rank] += gpu_s
        waiting = Waiting(
            job_id=job.job_id,
            model="",
            tier_rank=job.rank,
            created_at=job.arrived_at,
            predicted_gpu_s=gpu_s,
            account_id=job.account_id,
            weight=tier.weight,
            paid=tier.paid,
            deadline=job.clock,
            standalone_s=seconds_on(job.left_gpu_s, STANDARD_DEGREE),
            due_at=due,
            promised=job.promised_by is not None,
            suspended_at=job.suspended_at,
        )
        self._waiting[job.job_id] = (job, waiting)
        if waiting.paid:
            self._paid_waiting[job.job_id] = waiting

    def _starts(self, job: SimJob, waiting: Waiting, now: float) -> None:
        del self._waiting[job.job_id]
        self._paid_waiting.pop(job.job_id, None)
        self._owed.starts(job)
        self._backlog[job.rank] -= waiting.predicted_gpu_s
        if waiting.paid:
            if job.started_at is None:
                afford_s = job.clock - job.arrived_at - job.standalone_s
                self._watch.waited(now - job.arrived_at, afford_s, now)
        else:
            self._shares.started(
                job.account_id,
                waiting.predicted_gpu_s,
                waiting.weight,
                in_turn=self._order.in_turn(waiting, now),
            )
            self._charged[job.job_id] = job.held_gpu_s + waiting.predicted_gpu_s

    def _settle(self, job: SimJob) -> None:
        """Charge what the job really held since it was started."""
        charged = self._charged.pop(job.job_id, None)
        if charged is not None:
            weight = self._rules.tiers[job.rank].weight
            self._shares.corrected(job.account_id, job.held_gpu_s - charged, weight)

    def _low_part(self, cluster: Cluster) -> float:
        """Where nothing is guaranteed to the low band it is enough."""
        if not self._rules.order.low_share:
            return 1.0
        low = sum(gang.degree for gang, run in cluster.running() if not self._paid(run.job))
        return low / max(1, cluster.gpus)
