"""What is asked of each pool: jobs, deferred ones too, and what Gateways shed."""

from dataclasses import replace
from pathlib import Path

import pytest

from autoscaling.figures import Figures
from pipelines.cost import StageCosts
from serve.jobs.job import Job, Phase, Status
from serve.messages import Answered, GangStatus
from serve.scheduling.demand import MOST_KNOWN, NO_LIMIT, Demand
from serve.settings import Settings
from serve.settings.capacity import Capacity
from serve.settings.replicas import EncoderReplicas, Gangs, Replicas
from serve.settings.sections import Model
from tests.unit.serve.attempts.scene import JOB

COSTS = StageCosts(encode_s=1.0, denoise_s=6.0, decode_s=3.0)
GANGS = (Gangs(tp=2, min=1, max=3), Gangs(min=0, max=2))
BUSY_GANG = GangStatus(replica="r", pid=1, model="m", shape="tp2", devices=2, job_id="a", step=1)


class Costs:
    """The same for every clip."""

    def whole(self, _: Job) -> StageCosts:
        return COSTS

    def usual(self, _: str) -> StageCosts:
        return COSTS

    def remaining_s(self, _: Job) -> float:
        return COSTS.total_s


def demand(tmp_path: Path, *, gpus: float = 0.0, shapes: tuple[str, ...] = ()) -> Demand:
    model = Model(
        name="m",
        may_sleep=True,
        encoder=EncoderReplicas(max_replicas=2),
        denoiser=Replicas(num_gpus=gpus),
        gangs=GANGS,
    )
    rules = Capacity(level_s=0.001, slope_s=1e9, cold_start_s=0.0)
    settings = Settings(data_dir=tmp_path, models=(model,), capacity=rules)
    return Demand(
        settings,
        Costs(),  # type: ignore[arg-type]
        shapes=lambda _: shapes,
        pays=lambda tier: tier == "pro",
    )


def told(demand: Demand, *jobs: Job, now: float, gangs: tuple[GangStatus, ...] = ()) -> Figures:
    return demand.figures(
        waiting=[job for job in jobs if job.status is Status.QUEUED],
        running=[job for job in jobs if job.status is Status.IN_PROGRESS],
        gangs=gangs,
        cluster_gpus=16.0,
        now=now,
    )


def job(name: str, phase: Phase | None = None, step: int = 0, **changes: object) -> Job:
    status = Status.QUEUED if phase is None else Status.IN_PROGRESS
    return replace(JOB, id=name, status=status, phase=phase, step=step, **changes)


def forecasts(figures: Figures) -> dict[str, float]:
    return {name: its.forecast_gpu_s_per_s for name, its in figures.pools.items()}


def test_a_job_is_asked_for_once_and_gangs_share_by_their_ranks(tmp_path: Path) -> None:
    asked = demand(tmp_path)
    told(asked, now=0.0)
    assert forecasts(told(asked, job("a"), now=10.0)) == pytest.approx(
        {"Encoder-m": 0.1, "Denoiser-m-tp2": 0.45, "Denoiser-m-1": 0.15, "Decoder-m": 0.3}
    )
    assert set(forecasts(told(asked, job("a", Phase.DENOISE), now=20.0)).values()) == {0.0}


def test_a_job_that_came_and_went_between_two_looks_counts(tmp_path: Path) -> None:
    asked = demand(tmp_path)
    told(asked, now=0.0)
    asked.seen(job("a", Phase.DECODE, 3), 5.0)
    assert forecasts(told(asked, now=10.0))["Encoder-m"] == pytest.approx(0.1)


def test_what_was_there_when_the_scheduler_began_is_no_new_demand(tmp_path: Path) -> None:
    asked = demand(tmp_path)
    told(asked, job("a"), now=0.0)
    assert set(forecasts(told(asked, job("a"), now=10.0)).values()) == {0.0}


def test_shed_work_was_asked_for_too(tmp_path: Path) -> None:
    asked = demand(tmp_path)
    told(asked, now=0.0)
    shed = Answered(
        model="m", tier="new", outcome="shed", reason="tier_shed", requests=4, gpu_s=40.0
    )
    let_in = replace(shed, outcome="admitted")
    asked.answered([shed, let_in, replace(shed, model="gone")], 5.0)
    figures = told(asked, now=10.0)
    assert forecasts(figures)["Decoder-m"] == pytest.approx(1.2)
    assert figures.pools["Encoder-m"].quiet_s == 5.0


def test_what_has_piled_up_lies_where_it_can_be_done(tmp_path: Path) -> None:
    jobs = [
        job("waits"),
        job("encodes", Phase.ENCODE),
        job("half", Phase.DENOISE, step=1, tier="pro"),
        job("decodes", Phase.DECODE, step=3),
    ]
    figures = told(demand(tmp_path, shapes=("tp2",)), *jobs, now=0.0, gangs=(BUSY_GANG,))
    gangs, single = figures.pools["Denoiser-m-tp2"], figures.pools["Denoiser-m-1"]
    assert gangs.backlog_gpu_s == pytest.approx(6.0 + 6.0 + 4.0)
    assert (gangs.at_work, gangs.waiting) == (1, 2)
    assert (single.backlog_gpu_s, single.waiting) == (0.0, 0)
    encoders, decoders = figures.pools["Encoder-m"], figures.pools["Decoder-m"]
    assert (encoders.backlog_gpu_s, encoders.at_work, encoders.waiting) == (2.0, 1, 1)
    assert (decoders.backlog_gpu_s, decoders.at_work, decoders.waiting) == (12.0, 1, 0)
    assert gangs.weight == pytest.approx(0.25)


def test_a_gang_that_a_job_is_on_its_way_to_is_not_idle(tmp_path: Path) -> None:
    """The queue is empty and no gang holds anything: it would be stopped under the job."""
    figures = told(demand(tmp_path), job("encodes", Phase.ENCODE), now=0.0)
    waiting = {name: its.waiting for name, its in figures.pools.items()}
    assert waiting == {"Encoder-m": 0, "Denoiser-m-tp2": 1, "Denoiser-m-1": 1, "Decoder-m": 0}
    denoising = told(demand(tmp_path), job("a", Phase.DENOISE), now=0.0, gangs=(BUSY_GANG,))
    gangs = denoising.pools["Denoiser-m-tp2"]
    assert (gangs.at_work, gangs.waiting) == (1, 0)


def test_a_model_that_nobody_asked_for_is_quiet_since_the_first_look(tmp_path: Path) -> None:
    asked = demand(tmp_path)
    assert told(asked, now=0.0).pools["Encoder-m"].quiet_s == 0.0
    assert told(asked, now=0.5).pools["Encoder-m"].quiet_s == 0.5
    assert told(asked, job("a"), now=1.0).pools["Encoder-m"].quiet_s == 0.0
    assert told(asked, now=8.0).pools["Encoder-m"].quiet_s == 7.0


@pytest.mark.parametrize(("gpus", "budget", "of_a_gang"), [(1.0, 16.0, 2.0), (0.0, NO_LIMIT, 2.0)])
def test_the_budget_is_what_the_cluster_has(
    tmp_path: Path, gpus: float, budget: float, of_a_gang: float
) -> None:
    figures = told(demand(tmp_path, gpus=gpus), now=0.0)
    assert figures.budget_gpus == budget
    assert figures.pools["Denoiser-m-tp2"].gpus == of_a_gang


def test_jobs_are_forgotten_even_if_nobody_asks_for_figures(tmp_path: Path) -> None:
    asked = demand(tmp_path)
    for number in range(2 * MOST_KNOWN):
        asked.seen(job(str(number)), now=float(number))
    assert len(asked._known) <= MOST_KNOWN
