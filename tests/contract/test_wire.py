"""Requests as they come from anywhere: every odd one gets a clear answer in the same envelope."""

from typing import Any

import httpx

from tests.contract.browser import Browser, fault
from tests.contract.studio import png

JSON = {"content-type": "application/json"}
FORM = {"content-type": "multipart/form-data; boundary=B"}


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
