"""The gate as the official client meets it: let in, lighter, deferred, told to come back."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import pytest

from autoscaling.explain import duration
from autoscaling.shedding import draw
from pipelines.cost import StageCosts
from pipelines.spec import ClipSpec
from serve.jobs.job import Job
from tests.contract.film_crew import OPEN
from tests.contract.gates import HALF_PAST, asking, flooded, refused, switched
from tests.contract.studio import TINY, Loopback

pytestmark = pytest.mark.filterwarnings("ignore:.*Sora API.*:DeprecationWarning")


def gate_of(fault: openai.APIStatusError) -> dict[str, Any]:
    """What the client hands on of the error's body beyond the four fields it knows."""
    assert isinstance(fault.body, dict)
    assert fault.body.keys() == {"message", "type", "param", "code", "gate"}
    gate: dict[str, Any] = fault.body["gate"]
    return gate


def decision_of(video: Any) -> dict[str, Any]:
    decision: dict[str, Any] = video.model_extra["decision"]
    return decision


def test_who_is_let_in_is_told_so(tmp_path: Path) -> None:
    with asking(tmp_path) as (_, client):
        decision = decision_of(client.videos.create(prompt="queue me"))
        [note] = decision.pop("history")
        assert decision == {
            "state": "waiting",
            "reason": "gate_open",
            "text": "There is room for the new tier: your clip waits its turn.",
            "ready_by": None,
        }
        assert (note["what"], note["reason"]) == ("admitted", "gate_open")


def test_a_deferred_job_is_created_and_polled_to_its_end(tmp_path: Path) -> None:
    """The film crew releases such jobs at once: the client need not know of any of this."""
    with asking(tmp_path) as (gateway, client):
        gateway.studio.crew.situation = flooded()
        made = client.videos.create(prompt="queue for ever")
        decision = decision_of(made)
        assert (made.status, decision["state"]) == ("queued", "deferred")
        assert decision["reason"] == "tier_busy"
        assert "will be ready within" in decision["text"]
        assert time.time() < decision["ready_by"] < time.time() + 4 * 3_600
        video = client.videos.create_and_poll(prompt="a kite")
        assert video.status == "completed"
        assert decision_of(video)["state"] == "ended"
        assert [note["what"] for note in decision_of(video)["history"]] == ["deferred", "released"]
        assert decision_of(client.videos.retrieve(made.id)) == decision, "it never moves"
        [row] = gateway.run(gateway.studio.store.fetch([made.id]))
        assert row.predicted_wait_s > 0


def test_a_shed_request_is_told_when_and_what(tmp_path: Path) -> None:
    with asking(tmp_path, max_retries=5, now=lambda: HALF_PAST) as (gateway, client):
        gateway.studio.crew.situation = flooded(promises=False)
        fault = refused(client)
        assert isinstance(fault, openai.RateLimitError)
        assert (fault.code, fault.type) == ("promises_full", "rate_limit_error")
        wait_s = int(fault.response.headers["retry-after"])
        assert 1_800 <= wait_s <= 2_100, "a little after the full hour"
        assert fault.response.headers["x-should-retry"] == "false"
        assert fault.response.request.headers["x-stainless-retry-count"] == "0"
        assert f"Try again in {duration(wait_s)}" in fault.message
        gate = gate_of(fault)
        assert 0 <= gate.pop("retry_at") - int(HALF_PAST) - wait_s <= 1
        assert gate == {
            "tier": "new",
            "state": "shedding",
            "accepted_now": [],
        }
        assert list(client.videos.list()) == []
        assert gateway.studio.crew.notified == []


def test_the_client_waits_as_it_is_told_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with asking(tmp_path, max_retries=2) as (gateway, client):
        crew = gateway.studio.crew
        crew.situation = None
        waits: list[float] = []

        def sleep(seconds: float) -> None:
            waits.append(seconds)
            crew.situation = OPEN

        monkeypatch.setattr("openai._base_client.time.sleep", sleep)
        answer = client.videos.with_raw_response.create(prompt="queue me")
        assert answer.parse().status == "queued"
        assert answer.retries_taken == 1
        assert waits == [5.0]


def test_without_a_scheduler_paid_requests_go_on_and_others_wait(tmp_path: Path) -> None:
    with asking(tmp_path) as (gateway, client):
        gateway.studio.crew.away = True
        fault = refused(client)
        assert isinstance(fault, openai.InternalServerError)
        assert (fault.status_code, fault.code) == (503, "scheduler_away")
        assert fault.response.headers["retry-after"] == "5"
        assert "x-should-retry" not in fault.response.headers
        assert gate_of(fault)["state"] == "unknown"
    with asking(tmp_path, tier="plus") as (gateway, client):
        gateway.studio.crew.away = True
        decision = decision_of(client.videos.create(prompt="queue me"))
        assert (decision["state"], decision["reason"]) == ("waiting", "scheduler_away")


@pytest.mark.parametrize("away", [False, True])
def test_what_an_operator_closed_is_closed_for_all(tmp_path: Path, away: bool) -> None:
    """Also while the Scheduler is away, once this Gateway has heard of it."""
    with asking(tmp_path, tier="pro") as (gateway, client):
        gateway.studio.crew.situation = switched(closed_models=frozenset({"tiny"}))
        refused(client)
        gateway.studio.crew.away = away
        fault = refused(client)
        assert (fault.status_code, fault.code) == (503, "model_closed")
        assert fault.response.headers["retry-after"] == "3600"
        assert gate_of(fault)["state"] == "closed"
        assert client.videos.create(prompt="queue me", model="silent").status == "queued"


@pytest.mark.parametrize("away", [False, True])
def test_what_is_closed_for_a_while_opens_by_itself(tmp_path: Path, away: bool) -> None:
    """Also while the Scheduler is away, once this Gateway has heard of it."""
    clock = [HALF_PAST]
    with asking(tmp_path, tier="pro", now=lambda: clock[0]) as (gateway, client):
        until = {("tier", "pro"): HALF_PAST + 90.0}
        gateway.studio.crew.situation = switched(rates={"pro": 0.0}, until=until)
        refused(client)
        gateway.studio.crew.away = away
        clock[0] += 30.0
        fault = refused(client)
        assert (fault.code, fault.response.headers["retry-after"]) == ("tier_closed", "60")
        clock[0] += 60.0
        gateway.studio.crew.situation = OPEN
        assert client.videos.create(prompt="queue me").status == "queued"


def by_area(spec: ClipSpec) -> StageCosts:
    """A GPU-second a step at 64x32."""
    denoise_s = spec.steps * spec.width * spec.height / 2_048
    return StageCosts(encode_s=0.0, denoise_s=denoise_s, decode_s=0.0)


ROOMY = replace(TINY.limits, sizes=((96, 64), (64, 32), (32, 64)), default_steps=4)
COSTLY = (replace(TINY, costs=by_area, limits=ROOMY),)
"""12 GPU-seconds for the clip of the shortest request."""


def let_in_only_lighter(gateway: Loopback) -> None:
    """Turn just so many aside that the account's whole clip is among them and a lighter is not."""
    part = draw("local", HALF_PAST) + 1e-6
    gateway.studio.crew.situation = flooded(part, promises=False)


def test_a_lighter_clip_is_made_where_the_request_allows_it(tmp_path: Path) -> None:
    changes = {"models": COSTLY, "now": lambda: HALF_PAST}
    with asking(tmp_path, tier="free", **changes) as (gateway, client):
        let_in_only_lighter(gateway)
        heavy = {"num_inference_steps": 4, "size": "96x64"}
        fault = refused(client, prompt="queue me", extra_body=heavy)
        accepted = gate_of(fault)["accepted_now"]
        assert accepted == [
            {"accept_lighter": ["steps"], "size": "96x64", "num_inference_steps": 2},
            {"accept_lighter": ["size"], "size": "64x32", "num_inference_steps": 4},
        ]
        assert "Accepted now: 96x64 with 2 steps" in fault.message
        for each in accepted:
            allowed, size, steps = each.values()
            video = client.videos.create(
                prompt="queue me", extra_body={**heavy, "accept_lighter": allowed}
            )
            assert video.model_extra is not None
            assert (str(video.size), video.model_extra["steps"]) == (size, steps)
            decision = decision_of(video)
            assert decision["reason"] == "lighter_accepted"
            assert f"It is made as {size} with {steps} steps" in decision["text"]
        for size, steps in (("64x32", 4), ("96x96", 2)):
            flexible = {"size": size, "num_inference_steps": 4, "accept_lighter": ["steps"]}
            video = client.videos.create(prompt="queue me", extra_body=flexible)
            assert video.model_extra is not None
            assert video.model_extra["steps"] == steps, "what is light stays as it is"
        wrong = refused(client, extra_body={"accept_lighter": ["sound"]})
        assert (wrong.status_code, wrong.code) == (400, "invalid_accept_lighter")


def test_what_is_open_is_told_beforehand(tmp_path: Path) -> None:
    with asking(tmp_path, now=lambda: HALF_PAST) as (gateway, client):
        wish = {"prompt": "a kite"}
        for situation, outcome, gate in (
            (OPEN, "admitted", "open"),
            (flooded(), "deferred", "deferring"),
            (flooded(promises=False), "shed", "shedding"),
        ):
            gateway.studio.crew.situation = situation
            estimate: Any = client.post("/videos/estimate", body=wish, cast_to=object)
            me: Any = client.get("/me", cast_to=object)
            assert [model.pop("model") for model in me["open"]] == ["tiny", "silent"]
            for prospect in (estimate["prospect"], *me["open"]):
                assert (prospect["outcome"], prospect["gate"]) == (outcome, gate)
                assert (prospect["ready_by"] is not None) == (outcome == "deferred")
                assert (prospect["retry_at"] is not None) == (outcome == "shed")
                assert prospect["text"]
        assert list(client.videos.list()) == []


def test_the_row_has_its_first_note(tmp_path: Path) -> None:
    with asking(tmp_path) as (gateway, client):
        video = client.videos.create(prompt="queue me")
        [row] = gateway.run(gateway.studio.store.fetch([video.id]))
        assert isinstance(row, Job)
        assert [note.what for note in row.history] == ["admitted"]
