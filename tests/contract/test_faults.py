"""When what is behind the Gateway fails: the client is told the truth, and prompts stay secret."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from serve.artifacts.store import ArtifactError
from serve.jobs.job import Job
from serve.jobs.store import Inserted
from tests.contract.faulty import DOWN, SECRET, Faulty, client_of, failing
from tests.contract.studio import Studio, png


def picture_form() -> dict[str, Any]:
    return {"data": {"prompt": SECRET}, "files": {"input_reference": ("a.png", png())}}


async def stored(studio: Studio) -> list[str]:
    return [info.key for info in await studio.artifacts.list("jobs/")]


@pytest.mark.parametrize("method", ["get", "page", "insert", "cancel"])
async def test_a_database_that_is_down(
    studio: Studio, caplog: pytest.LogCaptureFixture, method: str
) -> None:
    calls = {
        "get": ("GET", "/v1/videos/video_1"),
        "page": ("GET", "/v1/videos"),
        "insert": ("POST", "/v1/videos"),
        "cancel": ("POST", "/v1/videos/video_1/cancel"),
    }
    store = Faulty(studio.store, method, failing(DOWN))
    with caplog.at_level(logging.DEBUG):
        async with client_of(studio, store=store) as client:
            answer = await client.request(*calls[method], json={"prompt": SECRET})
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "service_unavailable"
    assert int(answer.headers["retry-after"]) > 0
    assert "x-should-retry" not in answer.headers
    assert "Verona" not in caplog.text + answer.text


async def test_a_bug_is_a_500_without_the_prompt_in_the_log(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    store = Faulty(studio.store, "insert", failing(ValueError(f"cannot store {SECRET!r}")))
    with caplog.at_level(logging.DEBUG):
        async with client_of(studio, store=store) as client:
            answer = await client.post("/v1/videos", json={"prompt": SECRET})
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal_error"
    assert answer.json()["error"]["type"] == "server_error"
    assert "ValueError" in caplog.text
    assert "intake.py" in caplog.text
    assert "Verona" not in caplog.text + answer.text


async def test_a_picture_that_cannot_be_stored_leaves_no_job(studio: Studio) -> None:
    artifacts = Faulty(studio.artifacts, "put", failing(ArtifactError("disk full")))
    async with client_of(studio, artifacts=artifacts) as client:
        answer = await client.post("/v1/videos", **picture_form())
        assert answer.status_code == 503
        assert (await client.get("/v1/videos")).json()["data"] == []


async def test_a_refused_job_leaves_no_picture(studio: Studio) -> None:
    jobs = studio.parts.jobs.model_copy(update={"max_waiting": 0})
    async with client_of(studio, jobs=jobs) as client:
        answer = await client.post("/v1/videos", **picture_form())
    assert answer.json()["error"]["code"] == "queue_full"
    assert await stored(studio) == []


async def test_a_stored_row_whose_answer_was_lost(studio: Studio) -> None:
    """The insert took place and its connection broke: the job is there, and the client is told."""

    async def insert(job: Job, **kwargs: Any) -> Inserted:
        await studio.store.insert(job, **kwargs)
        raise DOWN

    async with client_of(studio, store=Faulty(studio.store, "insert", insert)) as client:
        answer = await client.post("/v1/videos", **picture_form())
        made = answer.raise_for_status().json()["id"]
        listed = (await client.get("/v1/videos")).json()["data"]
    assert [video["id"] for video in listed] == [made]
    assert await stored(studio) == [f"jobs/{made}/input"]


class Vanishing(Faulty):
    """A store that is there until the insert, and then for nobody."""

    def __getattr__(self, name: str) -> Any:
        if name in ("insert", "get"):
            return failing(DOWN)
        return getattr(self._real, name)


@pytest.mark.parametrize(("key", "retry"), [(None, "false"), ("mine", None)])
async def test_nobody_knows_whether_it_was_stored(
    studio: Studio, key: str | None, retry: str | None
) -> None:
    """Only with a key may the client's library send it again by itself."""
    headers = {"Idempotency-Key": key} if key else {}
    store = Vanishing(studio.store, "", None)
    async with client_of(studio, store=store) as client:
        answer = await client.post("/v1/videos", json={"prompt": SECRET}, headers=headers)
    assert answer.status_code == 503
    assert answer.headers.get("x-should-retry") == retry


async def test_a_fault_after_the_job_exists_is_not_retried(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with client_of(studio) as client:
        monkeypatch.setattr("serve.gateway.routes.videos.video_object", lambda *_: 1 / 0)
        answer = await client.post("/v1/videos", json={"prompt": SECRET})
        assert answer.status_code == 500
        assert answer.headers["x-should-retry"] == "false"
        elsewhere = await client.post("/v1/videos", json={"prompt": ""})
        assert "x-should-retry" not in elsewhere.headers


async def test_a_client_that_hangs_up_leaves_a_whole_job_or_none(studio: Studio) -> None:
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def insert(job: Job, **kwargs: Any) -> Inserted:
        entered.set()
        await go_on.wait()
        return await studio.store.insert(job, **kwargs)

    async with client_of(studio, store=Faulty(studio.store, "insert", insert)) as client:
        asking = asyncio.create_task(client.post("/v1/videos", **picture_form()))
        await entered.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        go_on.set()
        while not (jobs := (await client.get("/v1/videos")).json()["data"]):
            await asyncio.sleep(0.01)
    assert await stored(studio) == [f"jobs/{jobs[0]['id']}/input"]
    assert studio.crew.notified == [jobs[0]["id"]]


async def test_a_clip_that_breaks_off_is_not_passed_for_whole(studio: Studio) -> None:
    """A stream that fails half-way must break the connection, not end it properly."""

    async def broken(*_: Any) -> AsyncIterator[bytes]:
        yield b"half"
        raise ArtifactError("the bucket is gone")

    async with client_of(studio, artifacts=Faulty(studio.artifacts, "stream", broken)) as client:
        made = (await client.post("/v1/videos", json={"prompt": "a kite"})).json()["id"]
        while (await client.get(f"/v1/videos/{made}")).json()["status"] != "completed":
            await asyncio.sleep(0.01)
        with pytest.raises(Exception, match="ArtifactError") as caught:
            await client.get(f"/v1/videos/{made}/content")
    assert "bucket" not in str(caught.value)
