"""The life of `filmgate serve` as a process on this machine: its port, its mark, its end."""

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

GRACE_S = 30.0
"""How long a killed service's processes may take to vanish, and so to let go of the port."""


class ServiceError(Exception):
    """The service cannot start; the message says what is wrong and what to do."""


@contextlib.contextmanager
def marked(data_dir: Path, port: int) -> Iterator[None]:
    """Own the data folder while serving; raises `ServiceError` if a live service owns it."""
    mark = data_dir / "service.json"
    previous = _read(mark)
    if previous and _alive(previous):
        raise ServiceError(
            f"filmgate already runs on this data folder (pid {previous['pid']}, port "
            f"{previous['port']}): stop it, or set another FILMGATE_DATA_DIR."
        )
    wait_for_port(port, patience_s=GRACE_S if previous else 0.0)
    mine = {"pid": os.getpid(), "started_at": _started_at(os.getpid()), "port": port}
    mark.write_text(json.dumps(mine))
    try:
        yield
    finally:
        mark.unlink(missing_ok=True)


def wait_for_port(port: int, *, patience_s: float) -> None:
    """Return once nothing listens on `port`; a service that was killed needs a few seconds."""
    deadline = time.monotonic() + patience_s
    while _taken(port):
        if time.monotonic() >= deadline:
            raise ServiceError(
                f"port {port} is taken by another program: stop it, or set FILMGATE_HTTP__PORT."
            )
        time.sleep(0.2)


def end_children(patience_s: float = 5.0) -> None:
    """End every process that this one started and that is still there."""
    children = psutil.Process().children(recursive=True)
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.terminate()
    _, stubborn = psutil.wait_procs(children, timeout=patience_s)
    for child in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    psutil.wait_procs(stubborn, timeout=patience_s)


def _taken(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return True
    return False


def _read(mark: Path) -> dict[str, float] | None:
    try:
        found = json.loads(mark.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return found if isinstance(found, dict) and {"pid", "port"} <= set(found) else None


def _alive(mark: dict[str, float]) -> bool:
    """Whether the very process that wrote the mark still runs (pids are used again)."""
    return _started_at(int(mark["pid"])) == mark.get("started_at")


def _started_at(pid: int) -> float | None:
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return None
