"""What one reader of an event stream is told, and what is no news."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from serve.gateway.live import event_of
from serve.gateway.views.narration import Narration
from serve.jobs.job import Failure, Job, Phase, Status
from serve.messages import QueuePlace

Make = Callable[..., Job]


def events(frames: bytes) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for frame in frames.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in frame.splitlines())
        if "data" in fields:
            assert fields["id"]
            found.append((fields["event"], json.loads(fields["data"])))
    return found


def kinds(frames: bytes) -> list[str]:
    return [kind for kind, _ in events(frames)]


def test_a_whole_life(a_job: Make) -> None:
    job = a_job()
    narration = Narration(job)
    assert kinds(narration.opening(QueuePlace(position=1, eta_s=5.0))) == ["status"]
    assert narration.tell(QueuePlace(position=1, eta_s=4.0)) == b""
    [(_, status)] = events(narration.tell(QueuePlace(position=0, eta_s=3.0)))
    assert (status["status"], status["queue_position"]) == ("queued", 0)
    running = replace(job, status=Status.IN_PROGRESS, phase=Phase.ENCODE)
    assert kinds(narration.tell(event_of(running))) == ["status", "progress"]
    assert narration.tell(event_of(running)) == b""
    stepped = replace(running, phase=Phase.DENOISE, step=3)
    [(_, progress)] = events(narration.tell(event_of(stepped)))
    assert progress == {
        "id": job.id,
        "phase": "denoise",
        "step": 3,
        "steps": 4,
        "percent": 75,
    }
    requeued = replace(job, status=Status.QUEUED, step=3)
    assert kinds(narration.tell(event_of(requeued))) == ["status"]
    assert not narration.ended
    done = replace(job, status=Status.COMPLETED, step=4)
    told = events(narration.tell(event_of(done)))
    assert [kind for kind, _ in told] == ["status", "done"]
    assert told[1][1] == {"id": job.id, "status": "completed", "progress": 100, "error": None}
    assert narration.ended


def test_a_reader_who_comes_in_mid_clip(a_job: Make) -> None:
    job = a_job(status=Status.IN_PROGRESS, phase=Phase.DENOISE, step=2)
    frames = Narration(job).opening(None)
    assert frames.startswith(b"retry: 2000\n\n")
    assert kinds(frames) == ["status", "progress"]


def test_a_reader_who_comes_too_late(a_job: Make) -> None:
    failure = Failure(code="worker_crashed", message="It died.\n\nevent: forged")
    narration = Narration(a_job(status=Status.FAILED, failure=failure))
    told = events(narration.opening(None))
    assert [kind for kind, _ in told] == ["status", "done"]
    assert told[1][1]["error"] == {"code": "worker_crashed", "message": failure.message}


def test_the_same_state_has_the_same_id_everywhere(a_job: Make) -> None:
    job = a_job(status=Status.IN_PROGRESS, phase=Phase.DENOISE, step=2)
    assert Narration(job).last_id == Narration(job).last_id == "in_progress-denoise-2"
    assert Narration(replace(job, step=3)).last_id != Narration(job).last_id
