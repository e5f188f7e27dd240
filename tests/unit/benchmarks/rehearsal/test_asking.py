"""The open-loop client against answers made by hand."""

import json
import time

import httpx
import pytest

from benchmarks.rehearsal import asking
from benchmarks.rehearsal.asking import Answer, ask
from tests.unit.benchmarks.rehearsal.stage_play import sim

JOB = sim(7, "new", 0, 0.0)
ACCEPTED = httpx.Response(
    200, json={"id": "video_1", "decision": {"ready_by": 1_900, "reason": "tier_busy"}}
)
REFUSED = httpx.Response(429, json={"error": {"code": "tier_shed"}}, headers={"retry-after": "90"})


class Service:
    """Gives these answers, and keeps what it was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self._answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def asked_of(service: Service) -> Answer:
    transport = httpx.MockTransport(service)
    async with httpx.AsyncClient(base_url="http://there", transport=transport) as http:
        return await ask(http, JOB, "fg_live_x", time.time())


async def test_a_promise_is_noted() -> None:
    service = Service(ACCEPTED)
    answer = await asked_of(service)
    assert (answer.job_id, answer.ready_by, answer.reason) == ("video_1", 1_900, "tier_busy")
    [request] = service.asked
    body = json.loads(request.content)
    assert (body["size"], body["num_frames"], body["seed"]) == ("832x480", 81, 1_000)
    assert request.headers["authorization"] == "Bearer fg_live_x"


async def test_a_refusal_is_noted_and_not_asked_again() -> None:
    answer = await asked_of(Service(REFUSED))
    assert (answer.status, answer.job_id, answer.retry_after_s) == (429, None, 90.0)
    assert (answer.reason, answer.tries) == ("tier_shed", 1)


async def test_who_gets_no_answer_asks_again_with_the_same_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asking, "PAUSE_S", 0.0)
    died = httpx.Response(500, text="Internal Server Error")
    service = Service(httpx.ConnectError("gone"), died, ACCEPTED)
    answer = await asked_of(service)
    assert (answer.job_id, answer.tries) == ("video_1", 3)
    assert {request.headers["idempotency-key"] for request in service.asked} == {"job-7"}
