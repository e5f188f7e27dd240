"""Event streams: present state at once, each change, heartbeats, the end; and what they cost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from serve.gateway.live import event_of
from serve.settings.sections import Http
from tests.contract.browser import Browser, Told, browsing, told

NUM_STREAMS = 50


async def test_a_clip_from_queue_to_done(browser: Browser) -> None:
    video_id = await browser.make("hold on")
    async with browser.http.stream("GET", f"/v1/videos/{video_id}/events") as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        browser.studio.crew.release()
        heard = [event async for event in told(answer) if event.kind != "comment"]
    assert {event.data["id"] for event in heard} == {video_id}
    assert heard[-1].kind == "done"
    assert heard[-1].data == {"id": video_id, "status": "completed", "progress": 100, "error": None}
    assert heard[-2].kind == "status"
    assert heard[-2].data["status"] == "completed"
    assert "in_progress" in [event.data.get("status") for event in heard]
    progress = [event.data for event in heard if event.kind == "progress"]
    steps = [facts["step"] for facts in progress]
    assert steps == sorted(steps)
    assert progress[-1] | {"id": ""} == {
        "id": "",
        "phase": "denoise",
        "step": 3,
        "steps": 3,
        "percent": 99,
    }


async def test_a_reconnect_gets_the_present_state_at_once(browser: Browser) -> None:
    video_id = await browser.make("hold on")
    first = await opening(browser, video_id, until="progress")
    again = await opening(browser, video_id, until="progress", last_event_id=first[-1].id)
    assert [event.kind for event in again] == ["status", "progress"]
    assert again[0].data["status"] == "in_progress"
    assert again[1].data["step"] == 1


async def test_an_ended_job_is_told_and_then_told_no_more(browser: Browser) -> None:
    video_id = await browser.make("fail please")
    events = f"/v1/videos/{video_id}/events"
    async with browser.http.stream("GET", events) as answer:
        heard = [event async for event in told(answer) if event.kind != "comment"]
    assert heard[-1].data["status"] == "failed"
    assert heard[-1].data["error"]["code"] == "worker_crashed"
    again = await browser.http.get(events)
    assert again.text.count("event: ") == 2
    over = await browser.http.get(events, headers={"Last-Event-ID": heard[-1].id})
    assert over.status_code == 204


async def test_heartbeats_while_nothing_happens(browser: Browser) -> None:
    """The film crew's snapshots repeat the same place in the queue: that is no news."""
    video_id = await browser.make("queue me")
    heard = await opening(browser, video_id, until="comment", times=3)
    told_kinds = [event.kind for event in heard if event.kind != "comment"]
    assert set(told_kinds) == {"status"}
    assert len(told_kinds) <= 2


async def test_the_place_in_the_queue_is_told_when_it_changes(browser: Browser) -> None:
    ahead = await browser.make("queue first")
    behind = await browser.make("queue second")
    events = f"/v1/videos/{behind}/events"
    async with browser.http.stream("GET", events) as answer:
        stream = told(answer)
        await passing(stream, lambda told: told.data.get("queue_position") == 1)
        await browser.http.post(f"/v1/videos/{ahead}/cancel")
        moved = await passing(stream, lambda told: told.data.get("queue_position") == 0)
    assert moved.kind == "status"
    assert moved.data["eta_seconds"] == 10.0


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_cancelling_and_deleting_end_the_stream(browser: Browser, method: str) -> None:
    """At once, through this Gateway, even while the Scheduler is away."""
    video_id = await browser.make("queue me")
    browser.studio.crew.away = True
    path = f"/v1/videos/{video_id}"
    async with browser.http.stream("GET", f"{path}/events") as answer:
        stream = told(answer)
        await passing(stream, lambda told: told.kind == "status")
        await browser.http.request(method, path if method == "DELETE" else f"{path}/cancel")
        done = await passing(stream, lambda told: told.kind == "done")
    assert done.data["status"] == "cancelled"


async def test_a_cancel_that_nobody_told_is_noticed(browser: Browser) -> None:
    """Another Gateway changed the row and its message was lost."""
    video_id = await browser.make("queue me")
    async with browser.http.stream("GET", f"/v1/videos/{video_id}/events") as answer:
        stream = told(answer)
        await passing(stream, lambda told: told.data.get("queue_position") == 0)
        await browser.studio.store.cancel(video_id, "local", 0.0)
        done = await passing(stream, lambda told: told.kind == "done")
    assert done.data["status"] == "cancelled"


async def test_what_was_missed_while_the_scheduler_was_away(browser: Browser) -> None:
    video_id = await browser.make("hold on")
    async with browser.http.stream("GET", f"/v1/videos/{video_id}/events") as answer:
        stream = told(answer)
        await passing(stream, lambda told: told.data.get("step") == 1)
        browser.studio.crew.away = True
        browser.studio.crew.hang_up()
        browser.studio.crew.release()
        fetched = browser.studio.store.fetch
        while not (await fetched([video_id]))[0].ended:
            await asyncio.sleep(0.01)
        browser.studio.crew.away = False
        done = await passing(stream, lambda told: told.kind == "done")
    assert done.data["status"] == "completed"
    assert browser.studio.crew.num_subscriptions == 2


async def test_progress_runs_ahead_of_the_row(browser: Browser) -> None:
    video_id = await browser.make("hold on")
    await opening(browser, video_id, until="progress")
    row = (await browser.studio.store.fetch([video_id]))[0]
    event = event_of(replace(row, step=2))
    browser.live.publish(event)
    assert (await browser.http.get(f"/v1/videos/{video_id}")).json()["step"] == 2
    assert (await browser.http.get("/v1/videos")).json()["data"][0]["progress"] == 66


async def test_fifty_streams_of_one_subscription_and_a_post(browser: Browser) -> None:
    video_id = await browser.make("hold on")
    async with AsyncExitStack() as opened:
        streams = []
        for _ in range(NUM_STREAMS):
            events = browser.http.stream("GET", f"/v1/videos/{video_id}/events")
            streams.append(told(await opened.enter_async_context(events)))
        for stream in streams:
            await passing(stream, lambda told: told.kind == "progress")
        assert browser.studio.crew.num_subscriptions == 1
        other = await browser.make("a kite")
        assert other != video_id
        browser.studio.crew.release()
        for stream in streams:
            done = await passing(stream, lambda told: told.kind == "done")
            assert done.data["status"] == "completed"


async def test_one_stream_too_many(tmp_path: Path) -> None:
    http = Http(max_event_streams=2, heartbeat_s=0.2)
    async with browsing(tmp_path, http=http) as browser:
        path = f"/v1/videos/{await browser.make('queue me')}/events"
        async with browser.http.stream("GET", path), browser.http.stream("GET", path):
            refused = await browser.http.get(path)
            assert refused.status_code == 429
            assert refused.json()["error"]["code"] == "too_many_streams"
            assert int(refused.headers["retry-after"]) > 0
        while (answer := await head_of(browser, path)) == 429:
            await asyncio.sleep(0.01)
        assert answer == 200
        assert (await browser.http.get("/v1/videos/video_none/events")).status_code == 404
        assert await head_of(browser, path) == 200


async def head_of(browser: Browser, path: str) -> int:
    """The status of a stream that is left as soon as it has begun."""
    async with browser.http.stream("GET", path) as answer:
        return answer.status_code


async def opening(
    browser: Browser, video_id: str, *, until: str, times: int = 1, last_event_id: str = ""
) -> list[Told]:
    """What a new reader hears, up to the first (or later) event of a kind."""
    headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
    heard: list[Told] = []
    path = f"/v1/videos/{video_id}/events"
    async with browser.http.stream("GET", path, headers=headers) as answer:
        async for event in told(answer):
            heard.append(event)
            if [event.kind for event in heard].count(until) == times:
                return heard
    raise AssertionError(f"the stream ended before {until}: {heard}")


async def passing(stream: AsyncIterator[Told], wanted: Callable[[Told], bool]) -> Told:
    """The first event that is wanted."""
    async for event in stream:
        if wanted(event):
            return event
    raise AssertionError("the stream ended too early")
