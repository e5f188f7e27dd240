"""The whole service dies, or is asked to end; and starts again."""

import signal
from pathlib import Path

import psutil
import pytest

from tests.integration.service.running import LONG, SETTINGS, Service, until

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def own_service(fresh_folder: Path) -> Service:
    return Service(fresh_folder, SETTINGS)


def test_kill_nine_of_everything_then_a_restart_finishes_every_job(own_service: Service) -> None:
    service = own_service
    service.start()
    try:
        ids = [service.submit(seed=n, num_inference_steps=100) for n in range(3)]
        service.at_step(ids[0], 50)
        service.kill_everything()
        service.start()
        for job_id in ids:
            assert service.finish(job_id)["status"] == "completed"
            assert service.clip(job_id)
        steps = service.steps(ids[0])
        assert {step.step for step in steps} == set(range(1, 101))
        assert len(steps) < 150, "it went on from a checkpoint"
    finally:
        service.stop()


def test_a_killed_driver_takes_its_processes_along_and_a_restart_waits_for_the_port(
    own_service: Service,
) -> None:
    service = own_service
    service.start()
    try:
        job_id = service.submit(seed=1, **LONG)
        service.at_step(job_id, 20)
        before = service.processes()
        assert service.process is not None
        service.process.kill()
        service.process.wait(30)
        service.start()
        assert service.finish(job_id)["status"] == "completed"
        _, alive = psutil.wait_procs(before, timeout=60)
        assert not alive
    finally:
        service.stop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_no_process_behind(own_service: Service, number: int) -> None:
    service = own_service
    service.start()
    job_id = service.submit(**LONG)
    service.at_step(job_id, 5)
    everything = service.processes()
    service.stop(number)
    assert service.process is not None
    assert service.process.returncode == 0
    _, alive = psutil.wait_procs(everything, timeout=30)
    assert not alive, [process.cmdline() for process in alive]


def test_a_job_that_kills_its_worker_three_times_is_given_up(fresh_folder: Path) -> None:
    rare = {**SETTINGS, "jobs": {"checkpoint_every_s": 3600.0}}
    service = Service(fresh_folder, rare)
    service.start()
    try:
        job_id = service.submit(seed=1, **LONG)
        other = service.submit(seed=2, num_inference_steps=10)
        for attempt in range(1, 4):
            until(
                lambda attempt=attempt: any(  # type: ignore[misc]
                    step.attempt == attempt for step in service.steps(job_id)
                ),
                f"attempt {attempt}",
            )
            service.replica("Denoiser").kill()
        job = service.finish(job_id)
        assert job["status"] == "failed"
        assert job["error"]["code"] == "worker_crashed"
        assert service.finish(other)["status"] == "completed", "the next job is served"
    finally:
        service.stop()
