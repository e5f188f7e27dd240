"""The service's mark, its port, and the children it must not leave behind."""

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from serve.service import ServiceError, end_children, marked, wait_for_port


def test_the_mark_lasts_as_long_as_the_service(tmp_path: Path, closed_port: int) -> None:
    mark = tmp_path / "service.json"
    with marked(tmp_path, closed_port):
        assert json.loads(mark.read_text())["pid"] == os.getpid()
        with (
            pytest.raises(ServiceError, match="already runs on this data folder"),
            marked(tmp_path, closed_port),
        ):
            pass
    assert not mark.exists()


@pytest.mark.parametrize("left", ["", "not json", "[]", '{"pid": 1}'])
def test_a_damaged_mark_stops_nobody(tmp_path: Path, closed_port: int, left: str) -> None:
    (tmp_path / "service.json").write_text(left)
    with marked(tmp_path, closed_port):
        pass


def test_a_mark_of_a_dead_process_whose_pid_lives_on_stops_nobody(
    tmp_path: Path, closed_port: int
) -> None:
    stale = {"pid": os.getpid(), "started_at": 1.0, "port": closed_port}
    (tmp_path / "service.json").write_text(json.dumps(stale))
    with marked(tmp_path, closed_port):
        pass


def test_a_clock_that_is_set_does_not_let_a_second_service_in(
    tmp_path: Path, closed_port: int
) -> None:
    with marked(tmp_path, closed_port):
        (tmp_path / "service.json").write_text(
            json.dumps({"pid": os.getpid(), "started_at": 1.0, "port": closed_port})
        )
        with pytest.raises(ServiceError, match="already runs"), marked(tmp_path, closed_port):
            pass


def test_a_service_that_was_killed_and_not_yet_buried_stops_nobody(
    tmp_path: Path, closed_port: int
) -> None:
    code = (
        "import pathlib, sys, time; from serve.service import marked\n"
        "with marked(pathlib.Path(sys.argv[1]), int(sys.argv[2])):\n"
        "    print(1, flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", code, str(tmp_path), str(closed_port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as service:
        assert service.stdout is not None
        assert service.stdout.readline()
        with pytest.raises(ServiceError, match="already runs"), marked(tmp_path, closed_port):
            pass
        service.kill()
        service.stdout.read()  # it has ended; as nobody has waited for it, its pid is still there
        assert psutil.pid_exists(service.pid)
        with marked(tmp_path, closed_port):
            assert json.loads((tmp_path / "service.json").read_text())["pid"] == os.getpid()


def test_a_port_that_somebody_else_has_is_called_taken_at_once(closed_port: int) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", closed_port))
        other.listen()
        with pytest.raises(ServiceError, match=r"taken by another program.*FILMGATE_HTTP__PORT"):
            wait_for_port(closed_port, patience_s=0.0)


def test_the_port_of_processes_that_are_vanishing_is_waited_for(closed_port: int) -> None:
    other = socket.socket()
    other.bind(("127.0.0.1", closed_port))
    other.listen()
    release = threading.Timer(0.3, other.close)
    release.start()
    wait_for_port(closed_port, patience_s=30.0)
    release.join()


def test_children_end_even_those_that_ignore_being_asked() -> None:
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True)"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", f"{deaf}; time.sleep(600)"], stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stdout.readline()
    end_children(patience_s=0.2)
    assert not psutil.pid_exists(child.pid) or child.wait(10) != 0
