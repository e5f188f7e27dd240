"""A job in the words of the API, and when to ask for it again."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from serve.gateway.views.video_object import poll_after_ms, video_object
from serve.jobs.job import Failure, Job, Phase, Status, Timings
from serve.messages import QueuePlace, Snapshot

Make = Callable[..., Job]
MakeSnapshot = Callable[..., Snapshot]


def test_a_waiting_job(a_job: Make, a_snapshot: MakeSnapshot) -> None:
    places = {"video_1": QueuePlace(position=2, eta_s=12.34567)}
    video = video_object(a_job(), a_snapshot(places=places), "USD").model_dump()
    assert video["status"] == "queued"
    assert (video["queue_position"], video["eta_seconds"]) == (2, 12.346)
    assert (video["created_at"], video["started_at"], video["completed_at"]) == (1000, None, None)
    assert (video["seconds"], video["size"], video["progress"]) == ("2.125", "64x32", 0)
    assert (video["metrics"], video["error"], video["remixed_from_video_id"]) == (None, None, None)


def test_a_running_job(a_job: Make, a_snapshot: MakeSnapshot) -> None:
    job = a_job(status=Status.IN_PROGRESS, phase=Phase.DENOISE, step=3, started_at=1_001.5)
    snapshot = a_snapshot(
        running_eta_s={"video_1": 4.0}, places={"video_1": QueuePlace(position=0, eta_s=9.0)}
    )
    video = video_object(job, snapshot, "USD")
    assert (video.phase, video.step, video.steps, video.progress) == ("denoise", 3, 4, 75)
    assert (video.queue_position, video.eta_seconds, video.started_at) == (None, 4.0, 1001)


def test_a_finished_job(a_job: Make, a_snapshot: MakeSnapshot) -> None:
    job = a_job(
        status=Status.COMPLETED,
        step=4,
        completed_at=1_010.4,
        expires_at=2_000.0,
        timings=Timings(queue_s=0.12345, encode_s=1, denoise_s=7, decode_s=1, gpu_s=9),
    )
    video = video_object(job, a_snapshot(running_eta_s={"video_1": 4.0}), "USD")
    assert (video.progress, video.eta_seconds, video.expires_at) == (100, None, 2000)
    assert video.metrics is not None
    assert (video.metrics.queue_s, video.metrics.total_s, video.metrics.gpu_s) == (0.123, 9.5, 9)


def test_a_failed_job(a_job: Make) -> None:
    failure = Failure(code="worker_crashed", message="It died.")
    video = video_object(
        a_job(status=Status.FAILED, failure=failure, completed_at=1_001.0), None, "USD"
    )
    assert video.error is not None
    assert video.error.model_dump() == {"code": "worker_crashed", "message": "It died."}


@pytest.mark.parametrize(
    ("num_frames", "fps", "seconds"),
    [(16, 8, "2"), (1, 30, "0.033"), (121, 24, "5.042"), (80_001, 8, "10000.125"), (1, 8, "0.125")],
)
def test_seconds_are_a_plain_number_as_text(
    a_job: Make, num_frames: int, fps: int, seconds: str
) -> None:
    spec = replace(a_job().spec, num_frames=num_frames, fps=fps)
    assert video_object(a_job(spec=spec), None, "USD").seconds == seconds


@pytest.mark.parametrize(("eta_s", "wait_ms"), [(0.1, 100), (2, 100), (60, 3_000), (900, 10_000)])
def test_asking_twenty_times_a_clip(
    a_job: Make, a_snapshot: MakeSnapshot, eta_s: float, wait_ms: int
) -> None:
    places = {"video_1": QueuePlace(position=0, eta_s=eta_s)}
    assert poll_after_ms(a_job(), a_snapshot(places=places)) == wait_ms
    running = a_job(status=Status.IN_PROGRESS, phase=Phase.DENOISE)
    assert poll_after_ms(running, a_snapshot(running_eta_s={"video_1": eta_s})) == wait_ms


def test_a_job_that_the_scheduler_has_not_seen_yet(a_job: Make, a_snapshot: MakeSnapshot) -> None:
    """Behind everybody else: 58 s until the last of them is done, and its own 2 s."""
    places = {
        "video_8": QueuePlace(position=0, eta_s=58.0),
        "video_9": QueuePlace(position=1, eta_s=None),
    }
    assert poll_after_ms(a_job(), a_snapshot(places=places)) == 3_000
    assert poll_after_ms(a_job(), a_snapshot()) == 100
    assert poll_after_ms(a_job(), None) == 1_000
