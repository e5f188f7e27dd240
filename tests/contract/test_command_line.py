"""The commands against a real Gateway, its store and its files."""

import io
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from typer.testing import CliRunner, Result

from serve.cli import app
from serve.settings import child_environment
from tests.contract.studio import Loopback, eventually, loopback, png


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """A Gateway whose data folder is also that of the commands."""
    data = tmp_path / "data"
    data.mkdir()
    with loopback(data) as running:
        monkeypatch.setenv("FILMGATE_URL", running.url)
        monkeypatch.setenv("FILMGATE_DATA_DIR", str(data))
        yield running


def filmgate(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, prog_name="filmgate")


def newest() -> dict[str, object]:
    video = json.loads(filmgate("list", "--json", "--limit", "1").stdout)[0]
    assert isinstance(video, dict)
    return video


def test_a_prompt_becomes_a_playable_file(service: Loopback, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    result = filmgate("generate", "a [red] ball", "-o", str(clip), "--seed", "7", "--steps", "3")
    assert result.exit_code == 0, result.stderr
    with av.open(str(clip)) as container:
        assert len(list(container.decode(video=0))) == 17
    assert f"{clip}: 2.125 s at 64x32, tiny, seed 7, id video_" in result.stdout
    assert "denoise 1.00" in result.stdout
    assert "GPU-seconds" in result.stdout
    assert newest()["prompt"] == "a [red] ball"


def test_every_option_reaches_the_service(service: Loopback, tmp_path: Path) -> None:
    image = tmp_path / "first.png"
    image.write_bytes(png())
    options = {
        "--model": "tiny",
        "--size": "32x64",
        "--seconds": "3.1",
        "--fps": "8",
        "--steps": "4",
        "--guidance": "2.5",
        "--negative-prompt": "fog",
        "--seed": "12",
        "--image": str(image),
    }
    words = [word for pair in options.items() for word in pair]
    result = filmgate("generate", "a ball", *words, "--no-sound", "-o", str(tmp_path / "c.mp4"))
    assert result.exit_code == 0, result.stderr
    made = newest()
    expected = {
        "model": "tiny",
        "size": "32x64",
        "num_frames": 25,
        "fps": 8,
        "steps": 4,
        "guidance_scale": 2.5,
        "negative_prompt": "fog",
        "seed": 12,
        "sound": False,
    }
    assert {name: made[name] for name in expected} == expected


def test_the_services_own_words_reach_the_person(service: Loopback, tmp_path: Path) -> None:
    result = filmgate("generate", "a ball", "--size", "17x17", "-o", str(tmp_path / "c.mp4"))
    assert result.exit_code == 1
    assert "17x17" in result.stderr
    assert "64x32" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_failed_job_is_told_with_its_reason(service: Loopback, tmp_path: Path) -> None:
    result = filmgate("generate", "fail please", "-o", str(tmp_path / "c.mp4"))
    assert result.exit_code == 1
    assert "was failed: " in result.stderr
    assert not (tmp_path / "c.mp4").exists()


def test_jobs_are_listed_shown_and_fetched(service: Loopback, tmp_path: Path) -> None:
    assert "no jobs yet" in filmgate("list").stdout
    for number in range(3):
        made = filmgate("generate", f"ball {number}", "-o", str(tmp_path / f"{number}.mp4"))
        assert made.exit_code == 0, made.stderr
    listed = filmgate("list", "--limit", "2").stdout.splitlines()
    assert len(listed) == 3, "a heading and two jobs"
    assert all("completed" in line and "100%" in line for line in listed[1:])
    video_id = listed[1].split()[0]
    again = tmp_path / "again.mp4"
    shown = filmgate("get", video_id, "-o", str(again))
    assert shown.exit_code == 0, shown.stderr
    assert "ball 2" in shown.stdout
    assert again.read_bytes() == (tmp_path / "2.mp4").read_bytes()
    assert json.loads(filmgate("get", video_id, "--json").stdout)["id"] == video_id


def test_a_waiting_job_is_cancelled(service: Loopback, tmp_path: Path) -> None:
    waiting = started("generate", "queue here", "-o", str(tmp_path / "c.mp4"))
    wait_for_line(waiting, "queued")
    video_id = str(newest()["id"])
    unfinished = filmgate("get", video_id, "-o", str(tmp_path / "early.mp4"))
    assert unfinished.exit_code == 1
    assert filmgate("cancel", video_id).stdout == f"{video_id} is cancelled\n"
    _, said = waiting.communicate(timeout=60)
    assert waiting.returncode == 1
    assert f"{video_id} was cancelled" in said


@pytest.mark.parametrize("script", ["queue", "hold"])
def test_ctrl_c_cancels_the_job(service: Loopback, tmp_path: Path, script: str) -> None:
    command = started("generate", f"{script} it", "-o", str(tmp_path / "c.mp4"))
    wait_for_line(command, "queued" if script == "queue" else "denoise")
    command.send_signal(signal.SIGINT)
    _, said = command.communicate(timeout=60)
    assert command.returncode == 130
    assert f"{newest()['id']} is cancelled" in said
    assert newest()["status"] == "cancelled"
    assert not (tmp_path / "c.mp4").exists()


def test_an_unknown_id_is_told_plainly(service: Loopback) -> None:
    for command in ("get", "cancel"):
        result = filmgate(command, "video_none")
        assert result.exit_code == 1
        assert "video_none" in result.stderr


def test_a_new_key_closes_the_service(service: Loopback, tmp_path: Path) -> None:
    """As soon as the Gateway asks again whether there is one."""
    assert filmgate("list").exit_code == 0
    key = filmgate("keys", "create", "--account", "ann", "--tier", "pro").stdout.strip()
    eventually(lambda: filmgate("list").exit_code == 1)
    assert filmgate("list", "--api-key", key).exit_code == 0
    clip = tmp_path / "c.mp4"
    assert filmgate("generate", "ball", "-o", str(clip), "--api-key", key).exit_code == 0
    assert filmgate("keys", "revoke", key).exit_code == 0
    eventually(lambda: filmgate("list", "--api-key", key).exit_code == 1)


def started(*arguments: str) -> "subprocess.Popen[str]":
    """The command in a process of its own, with the environment of this test."""
    return subprocess.Popen(
        # A shell that runs the tests in the background has its children ignore Ctrl-C.
        ["env", "--default-signal=INT", sys.executable, "-m", "serve.cli", *arguments],
        env=child_environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_line(command: "subprocess.Popen[str]", word: str) -> None:
    assert isinstance(command.stderr, io.TextIOBase)
    for line in command.stderr:
        if word in line:
            return
    pytest.fail(f"the command ended without saying {word}")
