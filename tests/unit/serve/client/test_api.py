"""The API client against a scripted service."""

import json
from pathlib import Path

import httpx
import pytest

from serve.client.api import Order
from serve.client.retries import ApiFault
from tests.unit.serve.client.scripted import QUEUED, Answer, Script, Stream, api_with, fault


def test_a_job_is_sent_with_its_idempotency_key_each_time() -> None:
    refused = httpx.ConnectError("refused")
    script = Script(
        refused, fault(503, retry_after="3"), fault(429), httpx.Response(200, json=QUEUED)
    )
    slept: list[float] = []
    video = api_with(script, key="fg_key", on_sleep=slept.append).create(
        Order(fields={"prompt": "a ball", "seed": 3}), "key-1"
    )
    assert video.id == "video_1"
    assert {request.headers["idempotency-key"] for request in script.asked} == {"key-1"}
    assert {request.headers["authorization"] for request in script.asked} == {"Bearer fg_key"}
    assert [json.loads(request.content) for request in script.asked] == 4 * [
        {"prompt": "a ball", "seed": 3}
    ]
    assert slept == [0.5, 3.0, 2.0]


def test_a_refusal_that_stays_is_told_at_once() -> None:
    script = Script(fault(400, "`size` is wrong"))
    with pytest.raises(ApiFault, match=r"^`size` is wrong$"):
        api_with(script).create(Order(fields={}), "k")
    assert len(script.asked) == 1


def test_patience_ends() -> None:
    script = Script(*(fault(429, "full", retry_after="25") for _ in range(9)))
    with pytest.raises(ApiFault, match="full"):
        api_with(script).create(Order(fields={}), "k")
    assert len(script.asked) == 3, "25 s and 25 s are within 60 s; a third pause is not"


def test_a_picture_goes_along_in_a_form(tmp_path: Path) -> None:
    image = tmp_path / "first.png"
    image.write_bytes(b"\x89PNG-bytes")
    script = Script(fault(503), httpx.Response(200, json=QUEUED))
    api_with(script).create(Order(fields={"prompt": "p", "sound": False}, image=image), "k")
    for request in script.asked:
        assert request.headers["content-type"].startswith("multipart/form-data")
        assert b'name="prompt"\r\n\r\np\r\n' in request.content
        assert b'name="sound"\r\n\r\nfalse\r\n' in request.content
        assert b'filename="first.png"' in request.content
        assert b"\x89PNG-bytes" in request.content


def test_silence_names_the_address() -> None:
    with pytest.raises(ApiFault, match=r"no answer from http://127\.0\.0\.1:8000 \(refused\)"):
        api_with(Script(httpx.ConnectError("refused"))).get("video_1")


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>hello</html>"),
        httpx.Response(200, json=["a", "list"]),
        httpx.Response(200, json={"hello": "world"}),
    ],
)
def test_another_service_is_recognised_as_such(answer: httpx.Response) -> None:
    with pytest.raises(ApiFault, match="is not filmgate"):
        api_with(Script(answer)).get("video_1")


def test_a_redirect_says_where_to() -> None:
    moved = httpx.Response(301, headers={"location": "https://films.example/"})
    with pytest.raises(ApiFault, match=r"redirects to https://films\.example/"):
        api_with(Script(moved)).get("video_1")


def test_an_odd_id_stays_one_segment_of_the_path() -> None:
    script = Script(fault(404), fault(404))
    for call in (api_with(script).get, api_with(script).cancel):
        with pytest.raises(ApiFault):
            call("../keys?x=1#y")
    assert script.asked[0].url.raw_path == b"/v1/videos/..%2Fkeys%3Fx%3D1%23y"
    assert script.asked[1].url.raw_path == b"/v1/videos/..%2Fkeys%3Fx%3D1%23y/cancel"


def test_lists_page_by_page() -> None:
    def page(first: int, count: int, more: bool) -> httpx.Response:
        data = [{"id": f"v{n}", "status": "completed"} for n in range(first, first + count)]
        return httpx.Response(200, json={"data": data, "has_more": more, "last_id": data[-1]["id"]})

    script = Script(page(0, 100, True), page(100, 20, True))
    assert [video.id for video in api_with(script).list(120)] == [f"v{n}" for n in range(120)]
    assert [dict(request.url.params) for request in script.asked] == [
        {"limit": "100"},
        {"limit": "20", "after": "v99"},
    ]
    assert len(api_with(Script(page(0, 3, False))).list(120)) == 3


def test_a_download_is_whole_or_not_there(tmp_path: Path) -> None:
    target = tmp_path / "clip.mp4"
    target.write_bytes(b"an older clip")
    broken: list[Answer] = [
        httpx.Response(200, stream=Stream(b"half", httpx.ReadError("reset"))),
        httpx.Response(200, headers={"content-length": "9"}, stream=Stream(b"half")),
        httpx.ConnectError("refused"),
    ]
    with pytest.raises(ApiFault):
        api_with(Script(*broken)).download("video_1", target)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]
    assert target.read_bytes() == b"an older clip"
    whole = httpx.Response(200, headers={"content-length": "9"}, stream=Stream(b"the ", b"whole"))
    assert api_with(Script(fault(503), whole)).download("video_1", target) == 9
    assert target.read_bytes() == b"the whole"
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


def test_a_clip_that_is_not_ready_is_no_reason_to_ask_again(tmp_path: Path) -> None:
    script = Script(fault(409, "not yet"))
    with pytest.raises(ApiFault, match="not yet"):
        api_with(script).download("video_1", tmp_path / "clip.mp4")
    assert len(script.asked) == 1
