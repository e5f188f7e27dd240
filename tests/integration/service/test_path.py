"""The path of a clip through real Ray Serve, as a client of the OpenAI SDK walks it."""

import time
from pathlib import Path
from typing import Any

import openai
import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipelines.media.facts import probe
from serve.client.events import read_events
from tests.integration.service.running import LONG, Service, until

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore:.*Sora API.*:DeprecationWarning"),
]


@pytest.fixture
def client(service: Service) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"http://127.0.0.1:{service.port}/v1", api_key="any")


def test_the_sdk_makes_polls_and_downloads_a_clip(
    service: Service, client: openai.OpenAI, tmp_path: Path
) -> None:
    video = client.videos.create_and_poll(prompt="a red ball", model="filmgate-tiny")
    assert video.status == "completed"
    assert video.progress == 100
    path = tmp_path / "clip.mp4"
    client.videos.download_content(video.id).write_to_file(path)
    facts = probe(path)
    extra: dict[str, Any] = video.model_extra or {}
    assert facts.num_frames == extra["num_frames"]
    assert facts.has_audio
    for name in ("queue_s", "encode_s", "denoise_s", "decode_s", "total_s", "gpu_s"):
        assert extra["metrics"][name] >= 0
    cost, metrics = extra["cost"], extra["metrics"]
    assert cost["estimated_gpu_s"] > 0
    assert cost["gpu_s"] == metrics["gpu_s"] > 0
    usage = service.http.get("/v1/usage").raise_for_status().json()
    assert usage["total"]["clips"] >= 1
    assert usage["total"]["gpu_s"] >= cost["gpu_s"]
    for variant in ("thumbnail", "spritesheet"):
        content = client.videos.download_content(video.id, variant=variant).read()
        assert content[:4] == b"RIFF"


def test_progress_is_the_last_finished_step(service: Service) -> None:
    job_id = service.submit(num_inference_steps=40)
    told = []
    with service.http.stream("GET", f"/v1/videos/{job_id}/events") as stream:
        for event, facts in read_events(stream.iter_lines()):
            told.append((time.time(), event, facts))
    assert told[-1][1] == "done"
    assert told[-1][2]["status"] == "completed"
    progress = [(heard, facts) for heard, event, facts in told if event == "progress"]
    steps = [facts["step"] for _, facts in progress]
    assert steps == sorted(steps)
    assert len(set(steps)) > 10, "steps are told while they happen"
    finished = {step.step: step.ended_at for step in service.steps(job_id)}
    assert set(finished) == set(range(1, 41))
    for heard, facts in progress:
        assert facts["percent"] == min(99, 100 * facts["step"] // 40)
        assert facts["step"] == 0 or finished[facts["step"]] <= heard, "no step is told ahead"


def test_same_seed_same_bytes_and_another_seed_another_clip(service: Service) -> None:
    ids = [service.submit(seed=seed, num_inference_steps=4) for seed in (5, 5, 6)]
    for job_id in ids:
        assert service.finish(job_id)["status"] == "completed"
    one, same, other = (service.clip(job_id) for job_id in ids)
    assert one == same
    assert one != other


def test_cancel_frees_the_gang_within_a_step_and_jobs_never_overlap(service: Service) -> None:
    first = service.submit(**LONG)
    second = service.submit(num_inference_steps=4)
    service.at_step(first, 10)
    answer = service.http.post(f"/v1/videos/{first}/cancel")
    assert answer.json()["status"] == "cancelled"
    cancelled_at = time.time()
    assert service.finish(second)["status"] == "completed"
    stopped, started = service.steps(first), service.steps(second)
    late = [step for step in stopped if step.began_at > cancelled_at]
    assert len(late) <= 2, "the step that was running, and one that began meanwhile"
    assert stopped[-1].ended_at <= started[0].began_at
    assert service.job(first)["status"] == "cancelled"


def test_delete_of_a_running_job_removes_every_trace(service: Service) -> None:
    job_id = service.submit("a secret wish", **LONG)
    service.at_step(job_id, 30)
    assert service.http.delete(f"/v1/videos/{job_id}").json()["deleted"] is True
    assert service.http.get(f"/v1/videos/{job_id}").status_code == 404
    folder = service.data_dir / "artifacts" / "jobs" / job_id
    until(lambda: not list(folder.rglob("*")) if folder.exists() else True, "an empty folder")
    assert "a secret wish" not in service.http.get("/metrics").text
    logs = list(service.log_files())
    assert any(job_id.encode() in path.read_bytes() for path in logs), "these are the logs"
    assert [path for path in logs if b"a secret wish" in path.read_bytes()] == []


def test_fifty_open_streams_and_a_post_still_answers(service: Service) -> None:
    blocker = service.submit(**LONG)
    waiting = service.submit(num_inference_steps=2)
    streams = [
        service.http.stream("GET", f"/v1/videos/{waiting}/events").__enter__() for _ in range(50)
    ]
    try:
        assert all(stream.status_code == 200 for stream in streams)
        another = service.submit(num_inference_steps=2)
        assert service.job(another)["status"] == "queued"
    finally:
        for stream in streams:
            stream.close()
        service.http.post(f"/v1/videos/{blocker}/cancel")
    assert service.finish(another)["status"] == "completed"


def test_metrics_count_what_happened(service: Service) -> None:
    before = settled(service)
    job_id = service.submit(num_inference_steps=3)
    assert service.finish(job_id)["status"] == "completed"
    after = settled(service)
    assert after["completed"] - before["completed"] == 1
    assert after["steps"] - before["steps"] == 3
    assert after["gpu_s"] > before["gpu_s"]


def settled(service: Service) -> dict[str, float]:
    """The counts once they have caught up with the jobs: each completed one counted once."""

    def caught_up() -> dict[str, float] | None:
        jobs = service.http.get("/v1/videos", params={"limit": 100}).json()["data"]
        counts = counted(service)
        completed = [job for job in jobs if job["status"] == "completed"]
        return counts if counts["completed"] == len(completed) else None

    return until(caught_up, "metrics that agree with the jobs", 30.0)


def counted(service: Service) -> dict[str, float]:
    """Completed jobs, denoising steps and GPU-seconds so far."""
    counts = {"completed": 0.0, "steps": 0.0, "gpu_s": 0.0}
    for family in text_string_to_metric_families(service.http.get("/metrics").text):
        for sample in family.samples:
            match sample.name, sample.labels.get("status"):
                case "filmgate_jobs_ended_total", "completed":
                    counts["completed"] += sample.value
                case "filmgate_step_seconds_count", _:
                    counts["steps"] += sample.value
                case "filmgate_gpu_seconds_total", _:
                    counts["gpu_s"] += sample.value
    return counts
