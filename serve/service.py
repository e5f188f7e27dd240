"""The life of `filmgate serve` as a process on this machine: its port, its mark, its end."""

import contextlib
import fcntl
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import psutil

GRACE_S = 30.0
"""How long a killed service's processes may take to vanish, and so to let go of the port."""

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class ServiceError(Exception):
    """The service cannot start; the message says what is wrong and what to do."""


@contextlib.contextmanager
def marked(data_dir: Path, port: int) -> Iterator[None]:
    """Own the data folder while serving; raises `ServiceError` if a live service owns it."""
    mark = data_dir / "service.json"
    with (data_dir / "service.lock").open("w") as lock:
        previous = _read(mark)
        if not _locked(lock):
            who = f" (pid {previous['pid']}, port {previous['port']})" if previous else ""
            raise ServiceError(
                f"filmgate already runs on this data folder{who}: stop it, or set another "
                "FILMGATE_DATA_DIR."
            )
        wait_for_port(port, patience_s=GRACE_S if previous else 0.0)
        mark.write_text(json.dumps({"pid": os.getpid(), "port": port}))
        try:
            yield
        finally:
            mark.unlink(missing_ok=True)


def interrupt_on_signal() -> None:
    """The first SIGINT or SIGTERM interrupts, also a start that takes long; the next do nothing."""

    def interrupt(*_: object) -> None:
        ignore_signals()
        raise KeyboardInterrupt

    for number in ENDING_SIGNALS:
        signal.signal(number, interrupt)


def ignore_signals() -> None:
    """From now on SIGINT and SIGTERM do nothing."""
    for number in ENDING_SIGNALS:
        signal.signal(number, lambda *_: None)


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
        except PermissionError as error:
            raise ServiceError(
                f"port {port} is not for this user: set FILMGATE_HTTP__PORT to one above 1023."
            ) from error
        except OSError:
            return True
    return False


def _read(mark: Path) -> dict[str, float] | None:
    try:
        found = json.loads(mark.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return found if isinstance(found, dict) and {"pid", "port"} <= set(found) else None


def _locked(lock: TextIO) -> bool:
    """Whether this process has the lock now; the system lets it go when the process ends.

    Unlike a pid and its start time, that neither comes back nor moves with the clock.
    """
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
