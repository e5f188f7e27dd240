"""Following a job: by its stream, and by polling where that breaks."""

from collections.abc import Callable

import httpx
import pytest

from serve.client.following import AWAY_AT_MOST_S, follow
from serve.client.retries import ApiFault
from serve.client.video import Sight, read_video
from tests.unit.serve.client.scripted import (
    QUEUED,
    Answer,
    Script,
    Stream,
    api_with,
    event,
    fault,
)


def sights(script: Script, on_sleep: Callable[[float], None] | None = None) -> list[Sight]:
    api = api_with(script, on_sleep=on_sleep)
    return list(follow(api, read_video(QUEUED), on_sleep or (lambda _seconds: None)))


def test_follows_the_stream_to_its_end() -> None:
    stream = Stream(
        b": heartbeat\n\n",
        event("status", status="in_progress"),
        event("progress", phase="denoise", step=2, steps=4),
        event("done", status="completed"),
    )
    seen = sights(Script(httpx.Response(200, stream=stream)))
    assert [sight.status for sight in seen] == [
        "queued",
        "queued",
        "in_progress",
        "in_progress",
        "completed",
    ]
    assert (seen[3].phase, seen[3].step, seen[3].steps) == ("denoise", 2, 4)


def test_a_stream_that_only_beats_is_not_trusted() -> None:
    beat = b": heartbeat\n\n"
    running = {**QUEUED, "status": "in_progress"}
    script = Script(
        httpx.Response(200, stream=Stream(*5 * [beat])),
        httpx.Response(200, json=running),
        httpx.Response(200, json={**running, "status": "completed"}),
    )
    assert [sight.status for sight in sights(script)] == [
        "queued",
        "queued",
        "in_progress",
        "in_progress",
        "completed",
    ]


@pytest.mark.parametrize(
    "broken",
    [
        httpx.Response(200, stream=Stream(event("status", status="in_progress"))),
        httpx.Response(200, stream=Stream(httpx.ReadError("reset"))),
        httpx.Response(200, stream=Stream(event("status", other="shape"))),
        fault(429, "too many streams"),
        httpx.ConnectError("refused"),
    ],
)
def test_polls_when_the_stream_breaks(broken: Answer) -> None:
    later = {**QUEUED, "status": "in_progress", "phase": "decode", "step": 4}
    script = Script(
        broken,
        httpx.Response(200, json=later, headers={"openai-poll-after-ms": "300"}),
        httpx.ConnectError("restarting"),
        fault(503),
        httpx.Response(200, json={**later, "status": "completed"}),
    )
    slept: list[float] = []
    seen = sights(script, slept.append)
    assert (seen[-2].phase, seen[-1].status) == ("decode", "completed")
    assert slept == [0.3, 1.0, 1.0]


def test_a_service_that_stays_away_is_given_up() -> None:
    away: list[Answer] = [httpx.ConnectError("refused") for _ in range(int(AWAY_AT_MOST_S) + 10)]
    with pytest.raises(ApiFault, match="no answer"):
        sights(Script(*away))
