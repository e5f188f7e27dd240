"""`filmgate demo`: from nothing to a clip and back to nothing."""

import contextlib
import io
import signal
import socket
import subprocess
import sys
from pathlib import Path

import av
import psutil
import pytest

from serve.settings import child_environment
from tests.integration.service.running import until


def start_demo(folder: Path, port: int) -> "subprocess.Popen[str]":
    changes = {"FILMGATE_DATA_DIR": str(folder / "data"), "FILMGATE_HTTP__PORT": str(port)}
    return subprocess.Popen(
        [sys.executable, "-m", "serve.cli", "demo", "-o", str(folder / "demo.mp4")],
        env=child_environment(changes),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def relatives(folder: Path) -> list[psutil.Process]:
    """Every process that was started with this test's data folder, at whatever depth."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("FILMGATE_DATA_DIR", "").startswith(str(folder / "data")):
                found.append(process)
    return found


def test_the_demo_makes_a_clip_though_its_port_is_taken(tmp_path: Path) -> None:
    with socket.socket() as occupant:
        occupant.bind(("0.0.0.0", 0))
        occupant.listen()
        port = occupant.getsockname()[1]
        demo = start_demo(tmp_path, port)
        said, _ = demo.communicate(timeout=280)
    assert demo.returncode == 0, said
    assert f"Port {port} is taken; using" in said
    clip = tmp_path / "demo.mp4"
    assert f"Your clip is {clip}" in said
    with av.open(str(clip)) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
        assert len(list(container.decode(video=0))) > 1
    until(lambda: not relatives(tmp_path), "all processes to be gone", 10.0)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_no_process(tmp_path: Path, number: int) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    demo = start_demo(tmp_path, port)
    assert isinstance(demo.stdout, io.TextIOBase)
    for line in demo.stdout:
        if line.startswith("denoise"):
            break
    demo.send_signal(number)
    said, _ = demo.communicate(timeout=120)
    assert demo.returncode == (130 if number == signal.SIGINT else 128 + signal.SIGTERM), said
    assert not (tmp_path / "demo.mp4").exists()
    until(lambda: not relatives(tmp_path), "all processes to be gone", 10.0)
