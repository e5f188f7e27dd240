"""Requests as they come from anywhere: every odd one gets a clear answer in the same envelope."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from serve.settings import Http
from tests.contract.browser import Browser, browsing
from tests.contract.studio import png

JSON = {"content-type": "application/json"}
FORM = {"content-type": "multipart/form-data; boundary=B"}


def fault(answer: httpx.Response) -> tuple[int, str, str | None]:
    """Status, code and param; every fault has exactly the envelope's keys."""
    body = answer.json()
    assert body.keys() == {"error"}
    assert body["error"].keys() == {"message", "type", "param", "code"}
    assert body["error"]["message"]
    return answer.status_code, body["error"]["code"], body["error"]["param"]


def part(name: str, value: bytes, more: str = "") -> bytes:
    head = f'--B\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
    return head.encode() + value + b"\r\n"


PROMPT = part("prompt", b"queue")
END = b"--B--\r\n"


async def test_bodies_that_are_no_json(browser: Browser) -> None:
    for body in (
        b"", b"{", b"[1]", b"null", b'"x"', b'{"prompt": NaN}', b'{"seed": -Infinity}',
        b"[" * 200_000, b'{"a":' * 50_000, b'{"prompt": "\xff"}', b'{"prompt": "\\ud800"}',
        b'{"seed": ' + b"9" * 5_000 + b"}", '{"prompt": "x"}'.encode("utf-16"),
    ):  # fmt: skip
        answer = await browser.http.post("/v1/videos", content=body, headers=JSON)
        assert fault(answer) == (400, "invalid_json", None), body[:20]


async def test_fields_that_are_wrong(browser: Browser) -> None:
    for body, code, param in (
        ({}, "missing_required_parameter", "prompt"),
        ({"prompt": None}, "invalid_prompt", "prompt"),
        ({"prompt": 5}, "invalid_prompt", "prompt"),
        ({"prompt": "a\0b"}, "invalid_prompt", "prompt"),
        ({"promt": "x"}, "unknown_field", "promt"),
        ({"prompt": "x", "n" * 5_000: 1}, "unknown_field", "n" * 64),
        ({"prompt": "x", "fps": "24"}, "invalid_fps", "fps"),
        ({"prompt": "x", "fps": True}, "invalid_fps", "fps"),
        ({"prompt": "x", "fps": 8.5}, "invalid_fps", "fps"),
        ({"prompt": "x", "fps": 1e300}, "invalid_fps", "fps"),
        ({"prompt": "x", "seconds": -1}, "invalid_seconds", "seconds"),
        ({"prompt": "x", "seconds": True}, "invalid_seconds", "seconds"),
        ({"prompt": "x", "seconds": "1e3"}, "invalid_seconds", "seconds"),
        ({"prompt": "x", "seconds": 1, "num_frames": 9}, "invalid_num_frames", "num_frames"),
        ({"prompt": "x", "width": 64}, "invalid_size", "size"),
        ({"prompt": "x", "size": "64x32", "width": 32}, "invalid_size", "size"),
        ({"prompt": "x", "size": "64X32"}, "invalid_size", "size"),
        ({"prompt": "x", "sound": "yes"}, "invalid_sound", "sound"),
        ({"prompt": "x", "sound": True, "generate_audio": False}, "invalid_sound", "sound"),
        ({"prompt": "x", "extra_params": "{"}, "invalid_json", None),
        ({"prompt": "x", "extra_params": [1]}, "invalid_extra_params", "extra_params"),
        ({"prompt": "x", "extra_params": {"sed": 1}}, "unknown_field", "sed"),
        ({"prompt": "x", "seed": 1, "extra_params": {"seed": 1}}, "duplicate_field", "seed"),
        ({"prompt": "x", "input_reference": {}}, "invalid_input_reference", "input_reference"),
        ({"prompt": "x", "input_reference": {"url": "x"}}, "unknown_field", "input_reference.url"),
        ({"prompt": "x", "input_reference": "ftp://x/y"}, "invalid_image_url", "input_reference"),
        ({"prompt": "x", "input_reference": "data:,hello"}, "image_unsupported", "input_reference"),
    ):
        answer = await browser.http.post("/v1/videos", json=body)
        assert fault(answer) == (400, code, param), body
    infinite = b'{"prompt": "x", "guidance_scale": 1e999}'
    answer = await browser.http.post("/v1/videos", content=infinite, headers=JSON)
    assert fault(answer) == (400, "invalid_guidance_scale", "guidance_scale")
    assert (await browser.http.get("/v1/videos")).json()["data"] == []


async def test_the_nearest_right_name_is_told(browser: Browser) -> None:
    answer = await browser.http.post("/v1/videos", json={"prompt": "x", "guidence_scale": 3})
    assert "did you mean `guidance_scale`" in answer.json()["error"]["message"]


async def test_what_is_allowed_is_told(browser: Browser) -> None:
    answer = await browser.http.post("/v1/videos", json={"prompt": "x", "size": "640x480"})
    assert "64x32" in answer.json()["error"]["message"]
    answer = await browser.http.post("/v1/videos", json={"prompt": "x", "seconds": 60})
    assert "0.125 to 5.125 seconds" in answer.json()["error"]["message"]


async def test_many_ways_to_say_the_same(browser: Browser) -> None:
    for body in (
        {"seconds": 4, "size": "32x64"},
        {"seconds": 4.0, "width": 32, "height": 64.0},
        {"seconds": "4", "extra_params": {"size": "32x64"}},
        {"extra_params": '{"seconds": "4.0", "size": "32x64"}', "seed": None},
    ):
        answer = await browser.http.post("/v1/videos", json={"prompt": "queue", **body})
        video = answer.raise_for_status().json()
        assert (video["size"], video["seconds"], video["num_frames"]) == ("32x64", "4.125", 33)


async def test_forms_that_are_broken(browser: Browser) -> None:
    long_form = b"".join(part(f"f{number}", b"") for number in range(100))
    for headers, body, code in (
        (FORM, b"", "invalid_multipart"),
        (FORM, b"garbage", "invalid_multipart"),
        (FORM, PROMPT, "invalid_multipart"),
        (FORM, PROMPT[:-4], "invalid_multipart"),
        (FORM, b"--B\r\n\r\nx\r\n" + END, "invalid_multipart"),
        (FORM, part("prompt", b"\xff") + END, "invalid_multipart"),
        (FORM, long_form + END, "invalid_multipart"),
        ({"content-type": "multipart/form-data"}, PROMPT + END, "invalid_multipart"),
        (FORM, PROMPT + PROMPT + END, "duplicate_field"),
        (FORM, PROMPT + part("input_reference", png(), '; filename="a"') * 2 + END, None),
        (FORM, PROMPT + part("seed[a]", b"1") + END, "invalid_seed"),
        (FORM, PROMPT + part("tags[]", b"1") + END, "unknown_field"),
        (FORM, PROMPT + part("\xc3", b"1") + END, "unknown_field"),
        (FORM, PROMPT + part("seed", b"1.5") + END, "invalid_seed"),
        (FORM, END, "missing_required_parameter"),
    ):
        answer = await browser.http.post("/v1/videos", content=body, headers=headers)
        assert fault(answer)[:2] == (400, code or "duplicate_field"), body[-80:]


async def test_forms_as_command_lines_and_browsers_send_them(browser: Browser) -> None:
    files = {"input_reference": ("me.jpg", png(), "image/jpeg")}
    fields = {"prompt": "queue", "seed": "5", "sound": "false", "guidance_scale": "2"}
    answer = await browser.http.post("/v1/videos", data=fields, files=files)
    video = answer.raise_for_status().json()
    assert (video["seed"], video["sound"], video["guidance_scale"]) == (5, False, 2.0)
    nothing_chosen = part("input_reference", b"", '; filename=""')
    body = PROMPT + nothing_chosen + part("extra_params", b'{"seed": 6}') + END
    answer = await browser.http.post("/v1/videos", content=body, headers=FORM)
    assert answer.raise_for_status().json()["seed"] == 6


async def test_other_kinds_of_content(browser: Browser) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml", "", "x;;="):
        headers = {"content-type": kind} if kind else {}
        answer = await browser.http.post("/v1/videos", content=b"prompt=x", headers=headers)
        assert fault(answer) == (415, "unsupported_content_type", None)


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


async def test_idempotency_keys(browser: Browser) -> None:
    async def make(key: str, **fields: Any) -> httpx.Response:
        body = {"prompt": "queue", **fields}
        return await browser.http.post("/v1/videos", json=body, headers={"Idempotency-Key": key})

    for key in ("", "x" * 256):
        assert fault(await make(key))[:2] == (400, "invalid_idempotency_key")
    first, again = await make("x" * 255, seconds=4), await make("x" * 255, seconds="4")
    assert first.json()["id"] == again.json()["id"]
    assert again.status_code == 200
    assert again.headers["idempotent-replayed"] == "true"
    assert fault(await make("x" * 255, seconds=3))[1] == "idempotency_key_reused"


async def test_an_empty_page(browser: Browser) -> None:
    await browser.make("queue")
    page = (await browser.http.get("/v1/videos?limit=0")).json()
    assert page == {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
    }


async def test_cancelling_twice(browser: Browser) -> None:
    video_id = await browser.make("queue")
    answers = [await browser.http.post(f"/v1/videos/{video_id}/cancel") for _ in range(2)]
    first, again = (answer.raise_for_status().json() for answer in answers)
    assert first == again
    assert (first["status"], first["error"]) == ("cancelled", None)
    assert first["metrics"]["total_s"] >= 0


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
