"""Nothing is lost: real kills of every kind of process, then a count of what was done."""

import asyncio
import contextlib
import itertools
import signal

import psutil
import pytest

from serve.jobs.job import Job, Status
from serve.jobs.sql_store import open_store
from tests.integration.service.running import Service, until
from tests.integration.service.served import Step

pytestmark = pytest.mark.timeout(600)
STEPS = 100
"""Several seconds of denoising with the small model: room to kill in."""


@pytest.fixture(scope="module")
def reference(service: Service) -> bytes:
    """The clip that an undisturbed run makes."""
    job_id = service.submit(seed=11, num_inference_steps=STEPS)
    assert service.finish(job_id)["status"] == "completed"
    return service.clip(job_id)


def completed_once(service: Service, job_id: str) -> dict[str, object]:
    job = service.finish(job_id)
    assert job["status"] == "completed", job
    folder = service.data_dir / "artifacts" / "jobs" / job_id

    def tidy() -> bool:
        clips = list(folder.glob("clips/*/video.mp4"))
        return len(clips) == 1 and not list(folder.glob("checkpoints/*"))

    until(tidy, "one clip and no checkpoint to be left")
    return job


def check_steps(steps: list[Step], *, redone_at_most: int) -> None:
    """Every step was done, few of them twice, and never two at the same time."""
    assert {step.step for step in steps} == set(range(1, STEPS + 1))
    assert len(steps) - STEPS <= redone_at_most
    for before, after in itertools.pairwise(steps):
        assert before.ended_at <= after.began_at + 1e-3, "two steps of one job overlapped"


def interval_steps(steps: list[Step]) -> int:
    """How many steps fit in a checkpoint interval of 0.5 s, and the step that crosses it."""
    typical = sorted(step.ended_at - step.began_at for step in steps)[len(steps) // 4]
    return int(0.5 / typical) + 2


@pytest.mark.parametrize("deployment", ["Denoiser", "Scheduler"])
def test_a_kill_in_mid_denoise_costs_at_most_a_checkpoint_interval(
    service: Service, reference: bytes, deployment: str
) -> None:
    job_id = service.submit(seed=11, num_inference_steps=STEPS)
    service.at_step(job_id, STEPS // 2)
    service.replica(deployment).kill()
    completed_once(service, job_id)
    steps = service.steps(job_id)
    check_steps(steps, redone_at_most=2 * interval_steps(steps))
    assert len({step.attempt for step in steps}) == 2
    assert service.clip(job_id) == reference, "an interruption must not change the clip"


def test_a_killed_decoder_repeats_no_denoising(service: Service, reference: bytes) -> None:
    job_id = service.submit(seed=11, num_inference_steps=STEPS)
    service.at_step(job_id, STEPS - 20)
    decoder = service.replica("Decoder")
    decoder.send_signal(signal.SIGSTOP)
    until(lambda: service.job(job_id)["phase"] == "decode", "the decode phase")
    decoder.kill()
    completed_once(service, job_id)
    check_steps(service.steps(job_id), redone_at_most=0)
    assert service.clip(job_id) == reference


@pytest.mark.parametrize("deployment", ["Encoder", "Gateway"])
def test_other_deaths_lose_nothing(service: Service, deployment: str) -> None:
    ids = [service.submit(seed=n, num_inference_steps=STEPS // 4) for n in range(3)]
    service.replica(deployment).kill()
    ids += [
        until(lambda: _posted(service), "a POST to be answered again"),
    ]
    for job_id in ids:
        completed_once(service, job_id)


def _posted(service: Service) -> str | None:
    answer = service.http.post("/v1/videos", json={"prompt": "later", "num_inference_steps": 5})
    return str(answer.json()["id"]) if answer.status_code == 200 else None


def test_a_job_that_nobody_was_told_of_is_found_in_the_store(service: Service) -> None:
    """A Gateway that dies between store and notification leaves just a row."""
    job_id = service.submit(seed=11, num_inference_steps=2)
    completed_once(service, job_id)

    async def store_another() -> str:
        store = open_store(f"sqlite+aiosqlite:///{service.data_dir / 'filmgate.db'}")
        (made,) = await store.fetch([job_id])
        twin = Job(
            id=f"{job_id}twin",
            account_id=made.account_id,
            tier=made.tier,
            model=made.model,
            spec=made.spec,
            status=Status.QUEUED,
            created_at=made.created_at,
            predicted_gpu_s=made.predicted_gpu_s,
        )
        await store.insert(twin, max_waiting=100)
        await store.close()
        return twin.id

    twin_id = asyncio.run(store_another())
    completed_once(service, twin_id)
    assert service.clip(twin_id) == service.clip(job_id)


def test_a_scheduler_that_sleeps_and_wakes_neither_doubles_nor_loses(
    service: Service, reference: bytes
) -> None:
    job_id = service.submit(seed=11, num_inference_steps=STEPS)
    service.at_step(job_id, 20)
    sleeper = service.replica("Scheduler")
    sleeper.send_signal(signal.SIGSTOP)
    until(
        lambda: any(process.pid != sleeper.pid for process in service.replicas("Scheduler")),
        "another scheduler",
    )
    with contextlib.suppress(psutil.NoSuchProcess):  # Serve may have ended it for good
        sleeper.send_signal(signal.SIGCONT)
    completed_once(service, job_id)
    until(lambda: len(service.replicas("Scheduler")) == 1, "one scheduler")
    steps = service.steps(job_id)
    check_steps(steps, redone_at_most=2 * interval_steps(steps))
    assert service.clip(job_id) == reference


def test_ten_jobs_survive_random_deaths(service: Service) -> None:
    ids = [service.submit(seed=n, num_inference_steps=60) for n in range(10)]
    for number, deployment in enumerate(("Denoiser", "Encoder", "Decoder", "Scheduler")):
        service.at_step(ids[2 * number], 30)
        service.replica(deployment).kill()
    for job_id in ids:
        completed_once(service, job_id)
    listed = service.http.get("/v1/videos", params={"limit": 100}).json()["data"]
    assert {job["status"] for job in listed} == {"completed"}
    assert len({job["id"] for job in listed}) == len(listed)
