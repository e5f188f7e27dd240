"""Work that has piled up, divided among the pools of replicas that can take it. Pure."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

from pipelines.cost import StageCosts
from serve.jobs.job import Job, Phase, Status
from serve.messages import GangStatus
from serve.pools import StagePool


class Backlog:
    """Of pools by name: GPU-seconds to do, jobs that are there, and jobs that come to it later."""

    def __init__(
        self,
        pools: Iterable[StagePool],
        *,
        whole: Callable[[Job], StageCosts],
        shapes: Callable[[Job], Collection[str]],
    ) -> None:
        """`whole` is what a job costs in all, `shapes` are the gang shapes that can take it."""
        self._pools = tuple(pools)
        self._whole = whole
        self._shapes = shapes
        self.gpu_s: Counter[str] = Counter()
        self.waiting: Counter[str] = Counter()
        self.at_work: Counter[str] = Counter()

    def add(self, jobs: Iterable[Job]) -> None:
        """Jobs that wait, deferred ones too, or are in progress."""
        known: dict[object, list[tuple[StagePool, float]]] = {}
        for job in jobs:
            costs = remaining(job, self._whole(job))
            # Thousands of jobs are of few kinds.
            kind = replace(job.spec, prompt="", negative_prompt="", seed=0)
            if (own := known.get((job.model, kind))) is None:
                own = parts(self._pools, job.model, self._shapes(job))
                known[job.model, kind] = own
            for pool, part in own:
                self.gpu_s[pool.name] += part * getattr(costs, f"{pool.stage}_s")
                if _waits_for(job, pool):
                    self.waiting[pool.name] += 1
                elif job.status is Status.IN_PROGRESS and pool.stage == job.phase != "denoise":
                    self.at_work[pool.name] += 1

    def hold(self, gangs: Iterable[GangStatus]) -> None:
        """Gangs say themselves what they are at."""
        held = Counter((gang.model, gang.shape) for gang in gangs if gang.job_id)
        for pool in self._pools:
            if pool.stage == "denoise":
                self.at_work[pool.name] = held[pool.model, pool.shape or ""]


def _waits_for(job: Job, pool: StagePool) -> bool:
    """Whether the pool is the job's next one. A gang is set aside for a job that is still being
    encoded, and holds nothing yet: it must not be stopped as an idle one."""
    if job.status is Status.QUEUED:
        return pool.stage != "decode"
    return pool.stage == "denoise" and job.phase in (None, Phase.ENCODE)


def parts(
    pools: Sequence[StagePool], model: str, shapes: Collection[str]
) -> list[tuple[StagePool, float]]:
    """A model's pools, and each one's part of its stage's work.

    Denoising is divided among gangs of the given shapes (of all, if there are none), by the ranks
    that these may have at most.
    """
    own = [pool for pool in pools if pool.model == model]
    able = [pool for pool in own if pool.shape in shapes]
    able = able or [pool for pool in own if pool.stage == "denoise"]
    ranks = sum(pool.ranks * pool.most for pool in able)
    return [
        (pool, pool.ranks * pool.most / ranks if pool.stage == "denoise" else 1.0)
        for pool in own
        if pool.stage != "denoise" or pool in able
    ]


def remaining(job: Job, costs: StageCosts) -> StageCosts:
    """What is still to do, stage by stage."""
    denoise_s = 0.0 if job.phase is Phase.DECODE else costs.denoise_s
    return StageCosts(
        encode_s=costs.encode_s if job.phase in (None, Phase.ENCODE) else 0.0,
        denoise_s=denoise_s * (1 - job.step / job.spec.steps),
        decode_s=costs.decode_s,
    )
