"""From an order to a file: where it can go wrong before and during the work."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from serve.client.api import Api, Order
from serve.client.retries import ApiFault
from serve.client.video import Video, read_video
from serve.commands.clip import Interrupted, check_target, make_clip, submit, timings_of
from serve.commands.outcome import CommandError

ORDER = Order(fields={"prompt": "p"})


class FakeApi(Api):
    """A service in memory; what it does can be replaced call by call."""

    def __init__(self, *, end: str = "completed", interrupt: str = "") -> None:
        self.keys: list[str] = []
        self.cancelled: list[str] = []
        self._end = end
        self._interrupt = interrupt

    def create(self, order: Order, idempotency_key: str) -> Video:
        self.keys.append(idempotency_key)
        if self._interrupt == "create" and len(self.keys) == 1:
            raise KeyboardInterrupt
        if self._interrupt == "create and away":
            raise KeyboardInterrupt if len(self.keys) == 1 else ApiFault("away", passing=True)
        return read_video({"id": "video_1", "status": "queued"})

    def events(self, video_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
        yield "status", {"status": "in_progress"}
        if self._interrupt == "stream":
            raise KeyboardInterrupt
        yield "done", {"status": self._end}

    def get(self, video_id: str) -> Video:
        error = {"code": "out_of_memory", "message": "It did not fit."}
        facts = {"id": video_id, "status": self._end}
        return read_video({**facts, "error": error} if self._end == "failed" else facts)

    def cancel(self, video_id: str) -> Video:
        self.cancelled.append(video_id)
        if self._interrupt == "stream" and self._end == "away":
            raise ApiFault("no answer", passing=True)
        return read_video({"id": video_id, "status": "cancelled"})

    def download(self, video_id: str, target: Path) -> int:
        if self._interrupt == "download":
            raise KeyboardInterrupt
        return target.write_bytes(b"clip")


@pytest.fixture
def said() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def console(said: io.StringIO) -> Console:
    return Console(file=said, width=200)


def test_an_order_becomes_a_file(tmp_path: Path, console: Console) -> None:
    video = make_clip(FakeApi(), ORDER, tmp_path / "clip.mp4", console)
    assert (video.id, (tmp_path / "clip.mp4").read_bytes()) == ("video_1", b"clip")


def test_a_failed_job_says_why(tmp_path: Path, console: Console) -> None:
    with pytest.raises(CommandError, match=r"video_1 was failed: It did not fit\."):
        make_clip(FakeApi(end="failed"), ORDER, tmp_path / "clip.mp4", console)
    assert list(tmp_path.iterdir()) == []


def test_a_job_cancelled_elsewhere_is_no_clip(tmp_path: Path, console: Console) -> None:
    with pytest.raises(CommandError, match="video_1 was cancelled"):
        make_clip(FakeApi(end="cancelled"), ORDER, tmp_path / "clip.mp4", console)


@pytest.mark.parametrize("moment", ["stream", "download"])
def test_ctrl_c_cancels_the_job(
    moment: str, tmp_path: Path, console: Console, said: io.StringIO
) -> None:
    api = FakeApi(interrupt=moment)
    with pytest.raises(Interrupted):
        make_clip(api, ORDER, tmp_path / "clip.mp4", console)
    assert api.cancelled == ["video_1"]
    assert "video_1 is cancelled" in said.getvalue()


def test_ctrl_c_while_submitting_finds_the_job_by_its_key(
    console: Console, said: io.StringIO
) -> None:
    api = FakeApi(interrupt="create")
    with pytest.raises(Interrupted):
        submit(api, ORDER, console)
    assert api.keys[0] == api.keys[1]
    assert api.cancelled == ["video_1"]


def test_ctrl_c_while_nobody_answers_just_ends(console: Console, said: io.StringIO) -> None:
    with pytest.raises(Interrupted):
        submit(FakeApi(interrupt="create and away"), ORDER, console)
    assert "no job" in said.getvalue()


def test_a_job_that_cannot_be_cancelled_is_named(tmp_path: Path, console: Console) -> None:
    with pytest.raises(CommandError, match=r"filmgate cancel video_1"):
        make_clip(FakeApi(end="away", interrupt="stream"), ORDER, tmp_path / "clip.mp4", console)


def test_where_the_clip_goes_is_checked_before_any_work(tmp_path: Path, console: Console) -> None:
    api = FakeApi()
    with pytest.raises(CommandError, match="there is no folder"):
        make_clip(api, ORDER, tmp_path / "none" / "clip.mp4", console)
    with pytest.raises(CommandError, match="is a folder; name a file"):
        check_target(tmp_path)
    assert api.keys == []


def test_timings_add_up_for_a_reader() -> None:
    metrics = {"queue_s": 0.02, "encode_s": 0.2, "denoise_s": 1.8, "decode_s": 0.25}
    video = read_video(
        {"id": "v", "status": "completed", "metrics": {**metrics, "total_s": 2.3, "gpu_s": 2.1}}
    )
    assert timings_of(video) == (
        "2.30 s: queue 0.02, encode 0.20, denoise 1.80, decode 0.25; 2.10 GPU-seconds"
    )
    assert timings_of(read_video({"id": "v", "status": "completed"})).startswith("0.00 s")
