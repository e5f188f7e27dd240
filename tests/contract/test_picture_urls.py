"""First frames by URL: from an allowed place, and not from a forbidden one."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from serve.accounts.rules import rules_of
from serve.artifacts.store import input_key
from serve.settings import Settings
from serve.settings.accounts import Limits
from serve.settings.sections import Http
from tests.contract.browser import Browser, browsing
from tests.contract.studio import png


class _Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.visits.append(self.path)  # type: ignore[attr-defined]
        body = png() if self.path == "/a.png" else b"<html>"
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
def site(visits: list[str]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Site) as server:
        server.visits = visits  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
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


async def test_private_places_are_forbidden_unless_the_settings_say_otherwise(
    tmp_path: Path, site: str
) -> None:
    async with browsing(tmp_path, http=Http()) as browser:
        body = {"prompt": "queue", "input_reference": f"{site}/a.png"}
        answer = await browser.http.post("/v1/videos", json=body)
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "image_url_forbidden"
        assert (await browser.http.get("/v1/videos")).json()["data"] == []
