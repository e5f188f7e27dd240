"""First frames by URL: from an allowed place, and not from a forbidden one."""

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from serve.accounts.rules import rules_of
from serve.artifacts.store import input_key
from serve.gateway.requests import picture_turns
from serve.settings import Settings
from serve.settings.accounts import Limits
from serve.settings.sections import Http
from tests.contract.browser import Browser, browsing, fault
from tests.contract.gates import flooded
from tests.contract.studio import eventually, png

Post = asyncio.Task[httpx.Response]


class _Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.visits.append(self.path)  # type: ignore[attr-defined]
        if self.path.startswith("/slow"):
            self.server.patience.wait(30)  # type: ignore[attr-defined]
        body = png() if self.path.endswith("a.png") else b"<html>"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def visits() -> list[str]:
    """Paths that the site was asked for."""
    return []


@pytest.fixture
def patience() -> threading.Event:
    """When it is set the site answers at `/slow...`."""
    return threading.Event()


@pytest.fixture
def site(visits: list[str], patience: threading.Event) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Site) as server:
        server.visits = visits  # type: ignore[attr-defined]
        server.patience = patience  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        patience.set()
        server.shutdown()
        thread.join()


async def test_a_picture_from_a_url(browser: Browser, site: str) -> None:
    for reference in (f"{site}/a.png", {"image_url": f"{site}/a.png"}):
        body = {"prompt": "queue", "input_reference": reference}
        answer = await browser.http.post("/v1/videos", json=body)
        key = input_key(answer.raise_for_status().json()["id"])
        assert (await browser.studio.artifacts.get(key)).startswith(b"\x89PNG")
    body = {"prompt": "queue", "input_reference": f"{site}/page"}
    answer = await browser.http.post("/v1/videos", json=body)
    assert answer.json()["error"]["code"] == "image_unsupported"


async def test_nothing_is_fetched_for_a_clip_that_may_not_be_had(
    tmp_path: Path, site: str, visits: list[str]
) -> None:
    """Nor for one that is there already: fetching takes long, and is not for nothing."""
    limits = {"pro": Limits(gpu_seconds_per_day=0.75)}
    rules = replace(rules_of(Settings.from_values({})), limits=limits)
    async with browsing(tmp_path, rules=rules) as browser:
        body = {"prompt": "queue", "input_reference": f"{site}/a.png"}
        key = {"Idempotency-Key": "k"}
        made = await browser.http.post("/v1/videos", json=body, headers=key)
        again = await browser.http.post("/v1/videos", json=body, headers=key)
        assert again.json()["id"] == made.raise_for_status().json()["id"]
        refused = await browser.http.post("/v1/videos", json=body)
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "insufficient_quota")
    assert visits == ["/a.png"]


class Clock:
    """The Gateway's time."""

    def __init__(self) -> None:
        self.at = 1_800_000_000.0

    def __call__(self) -> float:
        return self.at


@asynccontextmanager
async def fetching(browser: Browser, url: str, visits: list[str]) -> AsyncIterator[Post]:
    """A request whose picture is on its way; it is there no earlier than this ends."""
    body = {"prompt": "queue", "input_reference": url}
    post = asyncio.create_task(browser.http.post("/v1/videos", json=body))
    await asyncio.to_thread(eventually, lambda: bool(visits))
    yield post


async def test_a_promise_counts_from_when_the_picture_is_there(
    tmp_path: Path, site: str, visits: list[str], patience: threading.Event
) -> None:
    clock = Clock()
    async with browsing(tmp_path, local_tier="new", now=clock) as browser:
        browser.studio.crew.situation = flooded()
        body = {"prompt": "queue", "input_reference": f"{site}/slow/a.png"}
        answer = await browser.http.post("/v1/videos/estimate", json=body)
        at_once = answer.raise_for_status().json()["prospect"]
        assert at_once["outcome"] == "deferred"
        async with fetching(browser, f"{site}/slow/a.png", visits) as post:
            clock.at += 25.0
            patience.set()
        made = (await post).raise_for_status().json()
    assert made["created_at"] == 1_800_000_025
    assert made["decision"]["ready_by"] == at_once["ready_by"] + 25


async def test_a_gate_that_shuts_meanwhile_is_shut(
    tmp_path: Path, site: str, visits: list[str], patience: threading.Event
) -> None:
    async with browsing(tmp_path, local_tier="new") as browser:
        async with fetching(browser, f"{site}/slow/a.png", visits) as post:
            browser.studio.crew.situation = flooded(promises=False)
            patience.set()
        answer = await post
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "promises_full")
        assert (await browser.http.get("/v1/videos")).json()["data"] == []


async def test_slow_pictures_of_one_account_delay_nobody_else(
    tmp_path: Path,
    site: str,
    visits: list[str],
    patience: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(picture_turns, "PATIENCE_S", 0.2)
    async with browsing(tmp_path) as browser:
        accounts = browser.studio.accounts
        keys = {}
        for name in ("flooder", "paying"):
            account = await accounts.create_account(name, "pro", 0.0)
            keys[name], _ = await accounts.create_key(account.id, 0.0)

        async def post(name: str, path: str) -> httpx.Response:
            headers = {"authorization": f"Bearer {keys[name]}"}
            body = {"prompt": "queue", "input_reference": f"{site}{path}"}
            return await browser.http.post("/v1/videos", json=body, headers=headers)

        flood = [asyncio.create_task(post("flooder", "/slow/a.png")) for _ in range(20)]
        await asyncio.to_thread(eventually, lambda: len(visits) >= 2)
        assert (await post("paying", "/a.png")).status_code == 200
        refused = [await each for each in itertools.islice(asyncio.as_completed(flood), 18)]
        assert {fault(each) for each in refused} == {(429, "too_many_pictures", None)}
        assert visits.count("/slow/a.png") == 2
        patience.set()
        codes = [(await each).status_code for each in flood]
        assert sorted(codes) == [200] * 2 + [429] * 18


async def test_private_places_are_forbidden_unless_the_settings_say_otherwise(
    tmp_path: Path, site: str
) -> None:
    async with browsing(tmp_path, http=Http()) as browser:
        body = {"prompt": "queue", "input_reference": f"{site}/a.png"}
        answer = await browser.http.post("/v1/videos", json=body)
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "image_url_forbidden"
        assert (await browser.http.get("/v1/videos")).json()["data"] == []
