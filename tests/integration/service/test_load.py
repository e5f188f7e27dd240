"""What operators see of a running service: the job that a gang runs, replicas, metrics, logs."""

import json
from collections.abc import Iterator
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from serve.gateway.views.load_view import LoadView
from tests.integration.service.running import LONG, Service, until

PROMPT = "a most secret lighthouse"
POOLS = {("encode", None), ("denoise", "1"), ("decode", None)}


def page(service: Service) -> LoadView:
    answer = service.http.get("/v1/load")
    assert answer.status_code == 200, answer.text
    return LoadView.model_validate_json(answer.content)


def total(service: Service, name: str, **labels: str) -> float | None:
    """The sum of all series with these labels; None if there is none."""
    found = [
        sample.value
        for family in text_string_to_metric_families(service.http.get("/metrics").text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    return sum(found) if found else None


def pages(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


def test_a_gang_s_job_and_step_and_the_queue_behind_it(service: Service) -> None:
    running, waiting = service.submit(PROMPT, **LONG), service.submit(PROMPT, **LONG)
    service.at_step(running, 5)

    def seen() -> LoadView | None:
        now = page(service)
        gang = now.gangs[0] if now.gangs else None
        at_work = gang is not None and gang.job is not None and gang.job.step >= 5
        # Serve is asked for replicas every few seconds: at first some were not up yet.
        counted = now.replicas and all(pool.running for pool in now.replicas)
        return now if at_work and now.queues and counted else None

    now = until(seen, "a page with the running job")
    (gang,), (queue,) = now.gangs, now.queues
    assert gang.job is not None
    assert (gang.job.id, gang.job.phase, gang.job.steps) == (running, "denoise", 300)
    assert gang.node
    assert (queue.waiting, now.totals.waiting, now.totals.gangs_busy) == (1, 1, 1)
    assert {(pool.stage, pool.shape) for pool in now.replicas} == POOLS
    assert {(pool.wanted, pool.running) for pool in now.replicas} == {(1, 1)}
    assert now.gpus == []
    assert PROMPT not in now.model_dump_json()
    for job_id in (running, waiting):
        service.http.post(f"/v1/videos/{job_id}/cancel")


def test_the_stream_brings_page_after_page(service: Service) -> None:
    with service.http.stream("GET", "/v1/load/events") as answer:
        told = pages(answer.iter_lines())
        ats = [next(told)["at"] for _ in range(3)]
    assert sorted(set(ats)) == ats


def test_a_kill_is_counted_as_what_it_cost(service: Service) -> None:
    lost = total(service, "filmgate_gangs_lost_total") or 0.0
    redone = total(service, "filmgate_steps_redone_total") or 0.0
    job_id = service.submit(PROMPT, num_inference_steps=150)
    service.at_step(job_id, 60)
    service.replica("Denoiser").kill()
    assert service.finish(job_id)["status"] == "completed"

    def counted() -> bool:
        return (total(service, "filmgate_gangs_lost_total") or 0.0) > lost

    until(counted, "the gang to be counted as lost")
    assert (total(service, "filmgate_steps_redone_total") or 0.0) > redone
    assert total(service, "filmgate_attempts_broken_total", phase="denoise")
    assert total(service, "filmgate_resumes_total", origin="checkpoint")
    assert total(service, "filmgate_gpu_seconds_wasted_total", reason="redone")
    assert total(service, "filmgate_gangs_started_total")
    assert total(service, "filmgate_model_load_seconds_count", stage="denoise")
    assert total(service, "filmgate_scheduler_up") == 1
    assert total(service, "filmgate_replicas_wanted", stage="denoise") == 1
    assert total(service, "filmgate_gpu_utilisation_ratio") is None
    assert page(service).failures[0].what == "attempt"


def test_every_line_of_ours_has_its_ids_and_none_a_prompt(service: Service) -> None:
    answer = service.http.post(
        "/v1/videos",
        json={"prompt": PROMPT, "num_inference_steps": 2},
        headers={"x-request-id": "look-for-me"},
    )
    job_id = answer.json()["id"]
    service.finish(job_id)
    lines = list(service.log_lines())
    (accepted,) = [line for line in lines if line.get("request_id") == "look-for-me"]
    assert (accepted["message"], accepted["job_id"]) == ("accepted", job_id)
    assert answer.headers["x-request-id"] == "look-for-me"
    assert [path for path in service.log_files() if PROMPT.encode() in path.read_bytes()] == []
