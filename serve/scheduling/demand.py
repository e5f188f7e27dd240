"""What is asked of each pool of replicas, for the capacity policy.

Offered is what was let in, deferred and shed: the first two are jobs, and counted when they are
first seen, the last is told by the Gateways. Pure: `now` is an argument, in seconds of a clock that
is never set.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping

from autoscaling.figures import Figures, PoolFigures
from autoscaling.forecast import Trend
from pipelines.cost import Stage, StageCosts
from serve.jobs.job import Job
from serve.messages import Answered, GangStatus
from serve.pools import StagePool, pools_of, uses_gpus
from serve.scheduling.backlog import Backlog, parts
from serve.scheduling.costs import Costs
from serve.settings import Settings

STAGES: tuple[Stage, ...] = ("encode", "denoise", "decode")
NO_LIMIT = 1e9
"""GPUs; and seconds since a model was asked for that never was."""
LEAST_WEIGHT = 0.1
"""Of a pool for which nobody pays."""
MOST_KNOWN = 10_000
REMEMBERED_S = 3_600.0
"""A job is known for so long after it was last seen: news of it may come late."""


class Demand:
    """For one Scheduler."""

    def __init__(
        self,
        settings: Settings,
        costs: Costs,
        *,
        shapes: Callable[[Job], Collection[str]],
        pays: Callable[[str], bool],
    ) -> None:
        """`shapes` are the gang shapes that can take a job; `pays` says whether a tier does."""
        self._rules = settings.capacity
        self._on_gpus = uses_gpus(settings)
        self._pools = pools_of(settings)
        self._costs = costs
        self._shapes = shapes
        self._pays = pays
        self._usual = {pool.model: costs.usual(pool.model) for pool in self._pools}
        self._offered: Counter[tuple[str, Stage]] = Counter()
        self._trends: dict[tuple[str, Stage], Trend] = {}
        self._asked_at: dict[str, float] = {}
        self._known: dict[str, float] = {}
        self._most_known = MOST_KNOWN
        self._began_at = float("inf")
        self._told_at: float | None = None

    def seen(self, job: Job, now: float) -> None:
        """A job in any state. The first time it was asked for, unless this Scheduler is new."""
        if job.id not in self._known and self._told_at is not None and job.model in self._usual:
            # The last clip that was asked for says best how the next one's work is divided.
            self._usual[job.model] = self._costs.whole(job)
            self._offer(job.model, self._usual[job.model], now)
        self._known[job.id] = now
        if len(self._known) > self._most_known:  # where nobody asks for figures
            self._forget(now)

    def answered(self, answers: Iterable[Answered], now: float) -> None:
        """Requests that Gateways have answered: those that they shed are no jobs."""
        for answer in answers:
            usual = self._usual.get(answer.model)
            if answer.outcome == "shed" and usual and usual.total_s > 0:
                self._offer(answer.model, _scaled(usual, answer.gpu_s / usual.total_s), now)

    def figures(
        self,
        *,
        waiting: Collection[Job],
        running: Collection[Job],
        gangs: Iterable[GangStatus],
        cluster_gpus: float,
        now: float,
    ) -> Figures:
        """How things stand: jobs that wait, deferred ones too, and those in progress."""
        jobs = (*waiting, *running)
        self._began_at = min(self._began_at, now)
        for job in jobs:
            self.seen(job, now)
            self._asked_at[job.model] = now
        self._observe(now)
        backlog = Backlog(self._pools, whole=self._costs.whole, shapes=self._shapes)
        backlog.add(jobs)
        backlog.hold(gangs)
        paid = self._part_paid(jobs)
        return Figures(
            pools={pool.name: self._of(pool, backlog, paid, now) for pool in self._pools},
            budget_gpus=self._budget(cluster_gpus),
            rule=self._rules.rule,
        )

    def _of(
        self, pool: StagePool, backlog: Backlog, paid: Mapping[str, float], now: float
    ) -> PoolFigures:
        trend = self._trends.get((pool.model, pool.stage), Trend(level=0.0))
        ahead = trend.forecast(self._rules.cold_start_s, self._rules.forecast)
        part = dict(parts(self._pools, pool.model, ()))[pool]
        return PoolFigures(
            gpus=pool.gpus,
            forecast_gpu_s_per_s=ahead * part,
            backlog_gpu_s=backlog.gpu_s[pool.name],
            at_work=backlog.at_work[pool.name],
            waiting=backlog.waiting[pool.name],
            # A new Scheduler does not know when a model was asked for last.
            quiet_s=now - self._asked_at.get(pool.model, self._began_at),
            weight=max(LEAST_WEIGHT, paid.get(pool.model, 0.0)),
            least=pool.least,
            may_sleep=pool.may_sleep,
        )

    def _offer(self, model: str, costs: StageCosts, now: float) -> None:
        self._asked_at[model] = now
        for stage in STAGES:
            self._offered[model, stage] += getattr(costs, f"{stage}_s")

    def _observe(self, now: float) -> None:
        """What was offered since the last time, as a rate."""
        since, self._told_at = self._told_at, now
        if since is None or now <= since:
            return
        for key in {(pool.model, pool.stage) for pool in self._pools}:
            known = self._trends.get(key, Trend(level=0.0, at=since))
            rate = self._offered[key] / (now - since)
            self._trends[key] = known.after(rate, now, self._rules.forecast)
        self._offered.clear()
        self._forget(now)

    def _forget(self, now: float) -> None:
        self._known = {i: at for i, at in self._known.items() if now - at <= REMEMBERED_S}
        self._most_known = max(MOST_KNOWN, 2 * len(self._known))

    def _part_paid(self, jobs: Iterable[Job]) -> dict[str, float]:
        """By model, of the work on it that is there now."""
        paid: dict[str, float] = {}
        total: dict[str, float] = {}
        for job in jobs:
            gpu_s = self._costs.remaining_s(job)
            total[job.model] = total.get(job.model, 0.0) + gpu_s
            if self._pays(job.tier):
                paid[job.model] = paid.get(job.model, 0.0) + gpu_s
        return {model: gpu_s / total[model] for model, gpu_s in paid.items() if gpu_s}

    def _budget(self, cluster_gpus: float) -> float:
        if self._rules.gpu_budget is not None:
            return self._rules.gpu_budget
        return cluster_gpus if self._on_gpus else NO_LIMIT


def _scaled(costs: StageCosts, factor: float) -> StageCosts:
    return StageCosts(
        encode_s=costs.encode_s * factor,
        denoise_s=costs.denoise_s * factor,
        decode_s=costs.decode_s * factor,
    )
