"""A service of its own for a command: started, waited for, and stopped without remains."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil

from serve.commands.outcome import CommandError
from serve.service import ServiceError, wait_for_port
from serve.settings import child_environment

READY_WITHIN_S = 300.0
STOPPED_WITHIN_S = 30.0


@contextlib.contextmanager
def background_service(port: int, data_dir: Path, config: Path | None) -> Iterator[str]:
    """The ready service's URL. Raises `CommandError` with its last words if it does not start."""
    data_dir.mkdir(parents=True, exist_ok=True)
    log = data_dir / "service.log"
    command = [sys.executable, "-m", "serve.cli", "serve"]
    changes = {"FILMGATE_HTTP__PORT": str(port), "FILMGATE_DATA_DIR": str(data_dir)}
    with log.open("wb") as output:
        service = subprocess.Popen(
            command + (["--config", str(config)] if config else []),
            env=child_environment(changes),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the command, which then stops the service
        )
    try:
        _wait_until_ready(service, f"http://127.0.0.1:{port}", log)
        yield f"http://127.0.0.1:{port}"
    finally:
        stop(service)


def free_port(wanted: int) -> int:
    """`wanted` if nobody listens there, else a port that the system picks."""
    try:
        wait_for_port(wanted, patience_s=0.0)
        return wanted
    except ServiceError:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])


def stop(service: "subprocess.Popen[bytes]") -> None:
    """End the service and whatever it started; what does not leave in time is killed."""
    try:
        family = psutil.Process(service.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    service.terminate()
    try:
        service.wait(STOPPED_WITHIN_S)
    except subprocess.TimeoutExpired:
        service.kill()
        service.wait()
    _, remaining = psutil.wait_procs(family, timeout=5.0)
    for process in remaining:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(remaining, timeout=5.0)


def _wait_until_ready(service: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while not _ready(url):
        if service.poll() is not None:
            raise CommandError(f"the service did not start: {_last_line(log)}")
        if time.monotonic() > deadline:
            raise CommandError(f"the service was not ready in {READY_WITHIN_S:.0f} s: see {log}")
        time.sleep(0.2)


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=5.0, trust_env=False).is_success
    except httpx.TransportError:
        return False


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    said = [line for line in lines if line.strip()]
    return said[-1].removeprefix("error: ") if said else "it said nothing"
