"""Addresses that lead nowhere, bodies that are too large, keys that are none."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from serve.settings.sections import Http
from tests.contract.browser import Browser, browsing, fault

JSON = {"content-type": "application/json"}


async def test_addresses_that_lead_nowhere(browser: Browser) -> None:
    for method, path, status, code in (
        ("GET", "/", 404, "unknown_url"),
        ("GET", "/v1/videos/", 404, "unknown_url"),
        ("GET", "/v1/images", 404, "unknown_url"),
        ("PUT", "/v1/videos", 405, "method_not_allowed"),
        ("PATCH", "/v1/videos/video_1", 405, "method_not_allowed"),
        ("GET", "/v1/videos/video_1", 404, "video_not_found"),
        ("GET", "/v1/videos/%00", 404, "video_not_found"),
        ("GET", "/v1/videos/%F0%28", 404, "video_not_found"),
        ("GET", "/v1/videos/" + "x" * 2_000, 404, "video_not_found"),
        ("DELETE", "/v1/videos/%00", 404, "video_not_found"),
        ("POST", "/v1/videos/%00/cancel", 404, "video_not_found"),
        ("GET", "/v1/videos/%00/events", 404, "video_not_found"),
        ("GET", "/v1/videos/%00/content", 404, "video_not_found"),
        ("GET", "/v1/models/%00", 404, "model_not_found"),
        ("GET", "/v1/videos?limit=101", 400, "invalid_limit"),
        ("GET", "/v1/videos?limit=-1", 400, "invalid_limit"),
        ("GET", "/v1/videos?limit=abc", 400, "invalid_limit"),
        ("GET", "/v1/videos?order=best", 400, "invalid_order"),
        ("GET", "/v1/videos?limt=5", 400, "unknown_parameter"),
        ("GET", "/v1/videos/video_1/content?varient=thumbnail", 400, "unknown_parameter"),
        ("GET", "/v1/videos?after=video_1", 400, "invalid_after"),
        ("GET", "/v1/videos?after=%00", 400, "invalid_after"),
    ):
        answer = await browser.http.request(method, path)
        assert fault(answer)[:2] == (status, code), path[:60]


async def test_too_large_a_body_is_refused_before_it_is_sent(browser: Browser) -> None:
    """The client states a length and sends nothing: the answer must come all the same."""
    url = browser.http.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    head = "POST /v1/videos HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    writer.write(f"{head}content-length: 30000001\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "request_too_large"


async def test_bodies_of_unstated_length_are_counted(browser: Browser) -> None:
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while sent < 100_000_000:
            sent += 1_000_000
            yield b" " * 1_000_000

    try:
        answer = await browser.http.post("/v1/videos", content=endless(), headers=JSON)
        assert fault(answer) == (413, "request_too_large", None)
    except httpx.TransportError:
        pass  # the server hung up on us, as it may
    assert sent < 100_000_000


async def test_a_small_limit(tmp_path: Any) -> None:
    async with browsing(tmp_path, http=Http(max_body_bytes=1_000)) as browser:
        fits = {"prompt": "queue" + " " * 100}
        assert (await browser.http.post("/v1/videos", json=fits)).status_code == 200
        answer = await browser.http.post("/v1/videos", json={"prompt": "x" * 1_000})
        assert fault(answer) == (413, "request_too_large", None)


@pytest.mark.parametrize(
    "header", ["Bearer", "Basic abc", "Bearer ", "Bearer k k", "Bearer " + "k" * 600]
)
async def test_malformed_keys(tmp_path: Any, header: str) -> None:
    async with browsing(tmp_path, open_access=False) as browser:
        for path in ("/v1/videos", "/v1/models", "/v1/videos/video_1/events"):
            answer = await browser.http.get(path, headers={"authorization": header.strip()})
            assert fault(answer) == (401, "invalid_api_key", None)
            assert answer.headers["www-authenticate"] == "Bearer"
        for path in ("/healthz", "/readyz", "/metrics", "/openapi.json"):
            assert (await browser.http.get(path)).status_code == 200
