"""Downloads as browsers and players make them: parts, conditions, HEAD, and what is not there."""

import httpx
import pytest

from serve.artifacts.store import input_key
from tests.contract.browser import Browser, told


class Clip:
    """A finished clip and how to ask for it."""

    def __init__(self, browser: Browser, video_id: str, whole: bytes) -> None:
        self.browser = browser
        self.path = f"/v1/videos/{video_id}/content"
        self.whole = whole

    async def get(self, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.browser.http.get(self.path, headers=named)


@pytest.fixture
async def clip(browser: Browser) -> Clip:
    video_id = await finished(browser, "a kite")
    whole = (await browser.http.get(f"/v1/videos/{video_id}/content")).content
    return Clip(browser, video_id, whole)


async def finished(browser: Browser, prompt: str) -> str:
    """The id of a job that has ended."""
    video_id = await browser.make(prompt)
    async with browser.http.stream("GET", f"/v1/videos/{video_id}/events") as answer:
        kinds = [event.kind async for event in told(answer)]
    assert kinds[-1] == "done"
    return video_id


async def test_the_whole_clip(clip: Clip) -> None:
    answer = await clip.get(accept="application/binary")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["accept-ranges"] == "bytes"
    assert int(answer.headers["content-length"]) == len(answer.content) == len(clip.whole)
    assert answer.content[4:8] == b"ftyp"


async def test_parts(clip: Clip) -> None:
    for asked, start, end in (
        ("bytes=0-99", 0, 100),
        ("bytes=100-100", 100, 101),
        ("bytes=1000-", 1000, None),
        ("bytes=-100", -100, None),
        ("bytes=-99999999", 0, None),
        ("bytes=10-99999999", 10, None),
        ("BYTES=0-4", 0, 5),
    ):
        answer = await clip.get(range=asked)
        assert answer.status_code == 206, asked
        assert answer.content == clip.whole[start:end]
        first = start if start >= 0 else len(clip.whole) + start
        last = (end or len(clip.whole)) - 1
        assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(clip.whole)}"


async def test_what_is_no_single_range_is_ignored(clip: Clip) -> None:
    for asked in (
        "bytes=0-1,5-9", "bytes=", "bytes=-", "bytes=a-b", "seconds=0-1", "bytes=9-3", "bytes=0x1-2"
    ):  # fmt: skip
        answer = await clip.get(range=asked)
        assert answer.status_code == 200, asked
        assert answer.content == clip.whole


async def test_bytes_that_do_not_exist(clip: Clip) -> None:
    for asked in ("bytes=99999999-", "bytes=99999999-999999999", "bytes=-0"):
        answer = await clip.get(range=asked)
        assert answer.status_code == 416, asked
        assert answer.headers["content-range"] == f"bytes */{len(clip.whole)}"
        assert answer.json()["error"]["code"] == "range_not_satisfiable"


async def test_a_clip_that_the_client_has_is_not_sent_again(clip: Clip) -> None:
    first = await clip.get()
    etag, date = first.headers["etag"], first.headers["last-modified"]
    assert etag.startswith('"')
    for headers in (
        {"if_none_match": etag},
        {"if_none_match": f'"other", W/{etag}'},
        {"if_none_match": "*"},
        {"if_none_match": etag, "range": "bytes=0-9"},
        {"if_modified_since": date},
    ):
        answer = await clip.get(**headers)
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == etag
    for headers in (
        {"if_none_match": '"other"'},
        {"if_none_match": '"other"', "if_modified_since": date},
        {"if_modified_since": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"if_modified_since": "yesterday"},
    ):
        assert (await clip.get(**headers)).status_code == 200


async def test_a_part_of_the_same_clip_only(clip: Clip) -> None:
    first = await clip.get()
    etag, date = first.headers["etag"], first.headers["last-modified"]
    for same in (etag, date):
        assert (await clip.get(range="bytes=0-9", if_range=same)).status_code == 206
    for other in ('"other"', f"W/{etag}", "Thu, 01 Jan 1970 00:00:00 GMT", "nonsense"):
        answer = await clip.get(range="bytes=0-9", if_range=other)
        assert (answer.status_code, answer.content) == (200, clip.whole)


async def test_head_tells_the_same_without_the_clip(clip: Clip) -> None:
    answer = await clip.browser.http.head(clip.path, headers={"range": "bytes=0-9"})
    whole = await clip.get()
    assert (answer.status_code, answer.content) == (200, b"")
    for name in ("etag", "content-length", "content-type", "last-modified", "accept-ranges"):
        assert answer.headers[name] == whole.headers[name]


async def test_a_wrong_variant(clip: Clip) -> None:
    answer = await clip.browser.http.get(f"{clip.path}?variant=poster")
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "variant"


@pytest.mark.parametrize(
    ("prompt", "status", "code"),
    [("queue me", 409, "video_not_ready"), ("hold on", 409, "video_not_ready")],
)
async def test_unfinished(browser: Browser, prompt: str, status: int, code: str) -> None:
    video_id = await browser.make(prompt)
    answer = await browser.http.get(f"/v1/videos/{video_id}/content")
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.headers["x-should-retry"] == "false"


async def test_expired(browser: Browser) -> None:
    video_id = await finished(browser, "a kite")
    path = f"/v1/videos/{video_id}"
    await browser.studio.store.expire(4e9)
    assert (await browser.http.get(path)).json()["status"] == "expired"
    answer = await browser.http.get(f"{path}/content")
    assert (answer.status_code, answer.json()["error"]["code"]) == (410, "video_expired")


async def test_a_clip_removed_a_moment_before_its_row(browser: Browser) -> None:
    video_id = await finished(browser, "a kite")
    await browser.studio.artifacts.delete_prefix(f"jobs/{video_id}/")
    answer = await browser.http.get(f"/v1/videos/{video_id}/content")
    assert (answer.status_code, answer.json()["error"]["code"]) == (410, "video_expired")


async def test_what_others_sent_is_not_served(browser: Browser) -> None:
    video_id = await browser.make("queue me")
    await browser.studio.artifacts.put(input_key(video_id), b"picture")
    answer = await browser.http.get(f"/v1/videos/{video_id}/content?variant=input")
    assert answer.status_code == 400
