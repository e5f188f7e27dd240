"""What an account may ask, as the official client meets it: refusals, waits and headers."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import pytest

from pipelines.cost import Calibration, StageCosts
from serve.accounts.rules import rules_of
from serve.settings import Settings
from serve.settings.accounts import Limits
from tests.contract.gates import flooded
from tests.contract.studio import SILENT, TINY, Loopback, loopback

pytestmark = pytest.mark.filterwarnings("ignore:.*Sora API.*:DeprecationWarning")
NOON = 1_800_000_000.0 - 1_800_000_000.0 % 86_400 + 43_200
COSTLY = replace(
    TINY, costs=lambda spec: StageCosts(encode_s=0.0, denoise_s=spec.num_frames, decode_s=0.0)
)
"""17 GPU-seconds for the clip of the shortest request."""
Served = tuple[Loopback, openai.OpenAI]
Serve = Callable[..., AbstractContextManager[Served]]


@pytest.fixture
def limited(tmp_path: Path) -> Serve:
    """A service whose local account has these limits, and a client that repeats nothing."""

    @contextmanager
    def serve(changes: dict[str, Any] | None = None, **limits: Any) -> Iterator[Served]:
        rules = rules_of(Settings.from_values({}))
        rules = replace(rules, limits={"pro": Limits.model_validate(limits)})
        with (
            loopback(tmp_path, {"rules": rules, **(changes or {})}) as gateway,
            openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="x", max_retries=0) as client,
        ):
            yield gateway, client

    return serve


def refused(client: openai.OpenAI, **wish: Any) -> openai.APIStatusError:
    with pytest.raises(openai.APIStatusError) as caught:
        client.videos.create(**{"prompt": "queue me", **wish})
    return caught.value


def told(fault: openai.APIStatusError) -> tuple[int, str | None, str | None]:
    return fault.status_code, fault.code, fault.param


def test_requests_a_minute(limited: Serve) -> None:
    clock = [NOON]
    with limited({"now": lambda: clock[0]}, requests_per_minute=2) as (_, client):
        answers = [client.videos.with_raw_response.create(prompt="queue me") for _ in range(2)]
        left = [answer.headers["x-ratelimit-remaining-requests"] for answer in answers]
        assert (answers[0].headers["x-ratelimit-limit-requests"], left) == ("2", ["1", "0"])
        assert answers[1].headers["x-ratelimit-reset-requests"] == "1m0s"
        fault = refused(client)
        assert isinstance(fault, openai.RateLimitError)
        assert (told(fault), fault.type) == ((429, "rate_limit_exceeded", None), "rate_limit_error")
        assert fault.response.headers["retry-after"] == "30"
        assert fault.response.headers["x-ratelimit-remaining-requests"] == "0"
        assert len(list(client.videos.list())) == 2, "looking is not counted"
        clock[0] += 30.0
        client.videos.create(prompt="queue me")


def test_a_bad_request_tells_what_is_left_too(limited: Serve) -> None:
    with limited(requests_per_minute=5) as (_, client):
        fault = refused(client, prompt="")
        assert told(fault) == (400, "prompt_empty", "prompt")
        assert fault.response.headers["x-ratelimit-remaining-requests"] == "4"


def test_without_limits_there_are_no_such_headers(limited: Serve) -> None:
    with limited() as (_, client):
        headers = client.videos.with_raw_response.create(prompt="queue me").headers
        assert [name for name in headers if name.startswith("x-ratelimit")] == []


def test_jobs_at_a_time(limited: Serve) -> None:
    with limited(jobs_at_once=1, jobs_waiting=1) as (gateway, client):
        first = client.videos.create(prompt="queue me")
        keyed = {"extra_headers": {"Idempotency-Key": "k"}}
        second = client.videos.create(prompt="queue me", **keyed)  # type: ignore[arg-type]
        fault = refused(client)
        assert told(fault) == (429, "concurrency_limit", None)
        assert "2 jobs that wait or run" in fault.message
        assert 0 < int(fault.response.headers["retry-after"]) <= 20
        assert "x-should-retry" not in fault.response.headers
        again = client.videos.create(prompt="queue me", **keyed)  # type: ignore[arg-type]
        assert again.id == second.id
        client.post(f"/videos/{first.id}/cancel", cast_to=object)
        made = client.videos.create(prompt="queue me")
        [row] = gateway.run(gateway.studio.store.fetch([made.id]))
        assert row.jobs_at_once == 1


def test_a_promise_counts_those_of_the_account_that_go_before(limited: Serve) -> None:
    """Eight gangs, and all are deferred: twelve clips of 17 s, one at a time in progress."""
    sight = flooded(paid=1.0)
    sight = replace(sight, load=replace(sight.load, gpus=8.0))
    for at_once in (1, None):
        changes = {"models": (COSTLY,), "now": lambda: NOON}
        with limited(changes, jobs_at_once=at_once) as (gateway, client):
            gateway.studio.crew.resting = True
            gateway.studio.crew.situation = sight
            made = [client.videos.create(prompt="queue me") for _ in range(12)]
            rows = gateway.run(gateway.studio.store.fetch([each.id for each in made]))
            waits = sorted((row.promised_by or 0.0) - NOON for row in rows)
        assert waits[0] >= 17.0
        assert (waits[-1] > waits[0] + 60.0) is (at_once == 1)


def test_gpu_seconds_a_day(limited: Serve) -> None:
    clock = [NOON]
    changes = {"models": (COSTLY,), "now": lambda: clock[0]}
    with limited(changes, gpu_seconds_per_day=40) as (_, client):
        answers = [client.videos.with_raw_response.create(prompt="queue me") for _ in range(2)]
        left = [answer.headers["x-ratelimit-remaining-gpu-seconds"] for answer in answers]
        assert (answers[0].headers["x-ratelimit-limit-gpu-seconds"], left) == ("40", ["23", "6"])
        fault = refused(client)
        assert told(fault) == (429, "insufficient_quota", None)
        assert "34.0 are used or expected by its jobs, and this clip should take 17.0" in (
            fault.message
        )
        headers = fault.response.headers
        assert headers["retry-after"] == "43200"
        assert headers["x-should-retry"] == "false"
        assert headers["x-ratelimit-remaining-gpu-seconds"] == "6"
        assert headers["x-ratelimit-reset-gpu-seconds"] == "12h0m0s"
        client.videos.create(prompt="queue me", extra_body={"num_frames": 1})
        videos = list(client.videos.list())
        for video in videos:
            client.videos.delete(video.id)
        clock[0] += 43_200
        client.videos.create(prompt="queue me")


def test_a_clip_that_no_day_has_room_for(limited: Serve) -> None:
    with limited({"models": (COSTLY,)}, gpu_seconds_per_day=10) as (_, client):
        fault = refused(client)
        assert told(fault) == (403, "clip_not_allowed", None)
        assert "should take 17.0 GPU-seconds, and your account has 10 a day" in fault.message


def test_size_and_seconds(limited: Serve) -> None:
    with limited(max_size="64x32", max_seconds=1.5) as (_, client):
        fault = refused(client, extra_body={"size": "96x64"})
        assert isinstance(fault, openai.PermissionDeniedError)
        assert told(fault) == (403, "size_not_allowed", "size")
        assert "at most as many pixels as 64x32" in fault.message
        fault = refused(client, seconds="2")
        assert told(fault) == (403, "seconds_not_allowed", "seconds")
        client.videos.create(prompt="queue me", extra_body={"size": "32x64"})
        by_default = client.videos.create(prompt="queue me")
        assert by_default.seconds == "1.125", "the model's default is 2.125"


def test_models(limited: Serve) -> None:
    with limited(models=["silent"]) as (_, client):
        fault = refused(client, model="tiny")
        assert told(fault) == (403, "model_not_allowed", "model")
        assert "open to it: silent" in fault.message
        assert refused(client, model="sora").code == "model_not_found"
        assert client.videos.create(prompt="queue me").model == "silent"


def test_what_is_refused_is_not_stored(limited: Serve) -> None:
    with limited(max_seconds=1, models=["tiny"]) as (gateway, client):
        refused(client, seconds="4")
        refused(client, model="silent")
        assert list(client.videos.list()) == []
        assert gateway.studio.crew.notified == []


def test_prices_before_and_after(limited: Serve) -> None:
    models = (replace(TINY, price_per_gpu_s=0.02), SILENT)
    with limited({"models": models}, price_multiplier=0.5) as (_, client):
        made = client.videos.create(prompt="queue me")
        assert made.model_extra is not None
        assert made.model_extra["cost"] == {
            "currency": "USD",
            "estimated_gpu_s": 0.5,
            "estimated_price": 0.005,
            "gpu_s": None,
            "price": None,
        }
        ended = client.videos.create_and_poll(prompt="a kite")
        assert ended.model_extra is not None
        cost = ended.model_extra["cost"]
        assert (cost["gpu_s"], cost["price"], cost["estimated_price"]) == (1.3, 0.013, 0.005)
        failed = client.videos.create_and_poll(prompt="fail please")
        assert failed.model_extra is not None
        assert failed.model_extra["cost"]["price"] == 0.0


def test_estimates_learn_from_what_clips_took(limited: Serve) -> None:
    slow = Calibration().observed("tiny", "denoise", predicted_s=1.0, observed_s=3.0)
    with limited({"models": (COSTLY,)}, gpu_seconds_per_day=60) as (gateway, client):
        wish = {"prompt": "queue me"}

        def estimated() -> float:
            answer: Any = client.post("/videos/estimate", body=wish, cast_to=object)
            return float(answer["cost"]["estimated_gpu_s"])

        assert estimated() == 17.0
        gateway.studio.crew.calibration = slow
        assert estimated() == 51.0
        gateway.studio.crew.away = True
        assert estimated() == 51.0, "what was learnt is not forgotten"
        client.videos.create(prompt="queue me")
        assert refused(client).code == "insufficient_quota"


def test_an_estimate_stores_nothing(limited: Serve) -> None:
    models = (replace(COSTLY, price_per_gpu_s=0.02), SILENT)
    with limited({"models": models}, max_seconds=4, requests_per_minute=1) as (gateway, client):
        for seconds, frames in (("1", 9), ("3", 25)):
            body = {"prompt": "a kite", "seconds": seconds, "size": "32x64"}
            told_: Any = client.post("/videos/estimate", body=body, cast_to=object)
            cost, prospect = told_.pop("cost"), told_.pop("prospect")
            assert (prospect["outcome"], prospect["gate"]) == ("admitted", "open")
            assert told_ == {
                "object": "video.estimate",
                "model": "tiny",
                "size": "32x64",
                "seconds": f"{frames / 8:g}",
                "num_frames": frames,
                "fps": 8,
                "steps": 3,
                "guidance_scale": 3.0,
                "sound": True,
            }
            assert (cost["estimated_gpu_s"], cost["estimated_price"]) == (frames, 0.02 * frames)
            assert (cost["gpu_s"], cost["price"]) == (None, None)
        with pytest.raises(openai.PermissionDeniedError) as caught:
            client.post("/videos/estimate", body={"prompt": "x", "seconds": 5}, cast_to=object)
        assert caught.value.code == "seconds_not_allowed"
        assert list(client.videos.list()) == []
        assert gateway.studio.crew.notified == []
