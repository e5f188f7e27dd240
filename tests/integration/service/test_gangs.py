"""Gangs of two ranks behind the HTTP API: same clips, and no rank that a job cannot do without."""

import random
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.integration.service.gangs import (
    all_free,
    frames_of,
    keep_latents,
    latents_digest,
    live_gangs,
    placement_groups,
    psnr,
    shapes_used,
    working_gang,
)
from tests.integration.service.running import SETTINGS, Service, until
from tests.integration.service.served import Step

pytestmark = pytest.mark.timeout(900)
STEPS = 40
WANTED = {"tp2": 2, "single": 1}
(MODEL,) = SETTINGS["models"]
GANGS: dict[str, Any] = {
    **SETTINGS,
    "models": [{**MODEL, "gangs": [{"tp": 2, "min": 2}, {}]}],
    # Longer than elsewhere: on busy cores three gangs keep each other waiting.
    "lease": {"period_s": 0.5, "timeout_s": 10.0},
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Two gangs of two ranks, and one of one."""
    service = Service(tmp_path_factory.mktemp("gangs"), GANGS)
    service.start()
    yield service
    service.stop()


@pytest.fixture(autouse=True)
def _rested(service: Service) -> Iterator[None]:
    """Every test begins, and leaves the service, with all gangs free and nothing else about."""
    all_free(service, **WANTED)
    yield
    all_free(service, **WANTED)
    assert placement_groups(service) == ["CREATED"] * 2


def submit(service: Service) -> str:
    return service.submit(seed=11, num_inference_steps=STEPS)


@pytest.fixture(scope="module")
def reference(service: Service) -> str:
    """The latents that an undisturbed gang of two ranks makes, as a digest."""
    all_free(service, **WANTED)
    job_id = submit(service)
    assert service.finish(job_id)["status"] == "completed"
    assert shapes_used(service, job_id) == ["tp2"], "the largest gang comes first"
    return latents_digest(service, job_id)


def completed(service: Service, job_id: str) -> list[Step]:
    """The steps that were executed for a job that was disturbed once."""
    job = service.finish(job_id)
    assert job["status"] == "completed", job
    steps = service.steps(job_id)
    assert {step.step for step in steps} == set(range(1, STEPS + 1))
    return steps


def redone_seconds(steps: list[Step]) -> float:
    """Of the steps that were executed twice, what they took the first time."""
    first: dict[int, Step] = {}
    redone = 0.0
    for step in steps:
        if step.step in first:
            redone += first[step.step].ended_at - first[step.step].began_at
        first.setdefault(step.step, step)
    return redone


def test_the_same_clip_from_one_rank_and_from_two(service: Service, tmp_path: Path) -> None:
    ids = [submit(service) for _ in range(3)]
    latents = keep_latents(service, ids, tmp_path)
    for job_id in ids:
        assert service.finish(job_id)["status"] == "completed"
    by_shape = {shapes_used(service, job_id)[0]: job_id for job_id in ids}
    assert set(by_shape) == {"1", "tp2"}, "three gangs, three jobs"
    one, two = (frames_of(latents[by_shape[shape]], STEPS) for shape in ("1", "tp2"))
    assert psnr(one, two) >= 50.0
    job = service.job(by_shape["tp2"])["metrics"]
    assert job["gpu_s"] == pytest.approx(
        job["encode_s"] + 2 * job["denoise_s"] + job["decode_s"], abs=0.01
    )


@pytest.mark.parametrize("who", ["rank 0", "rank 1", "the whole gang"])
def test_a_killed_rank_costs_at_most_a_checkpoint_interval(
    service: Service, reference: str, who: str
) -> None:
    job_id = submit(service)
    service.at_step(job_id, STEPS // 2)
    ranks = working_gang(service, job_id)
    for pid in {"rank 0": ranks[:1], "rank 1": ranks[1:]}.get(who, ranks):
        psutil.Process(pid).kill()
    steps = completed(service, job_id)
    assert shapes_used(service, job_id) == ["tp2", "tp2"]
    longest = max(step.ended_at - step.began_at for step in steps)
    # Half a second between checkpoints, the step that crosses it, and the one being stored.
    assert redone_seconds(steps) <= 2 * 0.5 + 2 * longest
    assert latents_digest(service, job_id) == reference


@pytest.mark.parametrize("rank", [0, 1])
def test_a_stopped_rank_is_taken_for_dead(service: Service, reference: str, rank: int) -> None:
    job_id = submit(service)
    service.at_step(job_id, STEPS // 2)
    ranks = working_gang(service, job_id)
    psutil.Process(ranks[rank]).send_signal(signal.SIGSTOP)
    completed(service, job_id)
    assert latents_digest(service, job_id) == reference
    until(lambda: not any(map(psutil.pid_exists, ranks)), "the stopped gang to be gone")


def test_a_cancelled_job_leaves_all_ranks_ready_for_the_next(
    service: Service, reference: str
) -> None:
    cancelled = submit(service)
    service.at_step(cancelled, STEPS // 4)
    ranks = working_gang(service, cancelled)
    service.http.post(f"/v1/videos/{cancelled}/cancel")
    others = [submit(service) for _ in range(3)]
    for job_id in others:
        completed(service, job_id)
    used = {job_id: service.steps(job_id)[0].pid for job_id in others}
    after = [job_id for job_id, pid in used.items() if pid == ranks[0]]
    assert after, "one of three jobs for three gangs goes to the one that was cancelled"
    assert {latents_digest(service, job_id) for job_id in after} == {reference}
    assert len(service.steps(cancelled)) < STEPS


@pytest.mark.slow
def test_a_job_goes_on_with_another_shape(service: Service, tmp_path: Path) -> None:
    whole = submit(service)
    latents = keep_latents(service, [whole], tmp_path)
    assert service.finish(whole)["status"] == "completed"
    job_id, blocker = submit(service), service.submit(num_inference_steps=300)
    service.at_step(job_id, STEPS // 2)
    ranks = working_gang(service, job_id)
    psutil.Process(ranks[0]).kill()
    latents |= keep_latents(service, [job_id], tmp_path)
    completed(service, job_id)
    service.http.post(f"/v1/videos/{blocker}/cancel")
    assert shapes_used(service, job_id) == ["tp2", "1"]
    one, two = (frames_of(latents[each], STEPS) for each in (whole, job_id))
    assert psnr(one, two) >= 50.0


@pytest.mark.slow
def test_ten_jobs_survive_the_deaths_of_random_ranks(service: Service) -> None:
    ids = [service.submit(seed=n, num_inference_steps=STEPS) for n in range(10)]
    chance = random.Random(4)
    for job_id in ids[::2]:
        service.at_step(job_id, STEPS // 2)
        gangs = until(lambda: live_gangs(service), "a gang to be there")
        psutil.Process(chance.choice(chance.choice(gangs))).kill()
    for job_id in ids:
        assert service.finish(job_id, 600)["status"] == "completed"
        assert {step.step for step in service.steps(job_id)} == set(range(1, STEPS + 1))
