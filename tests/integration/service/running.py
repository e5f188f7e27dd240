"""A real `filmgate serve` in a process of its own: start it, ask it, look inside, kill parts."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.integration.service.served import PATIENCE_S, Served, until

SERVE = ("serve.cli", "serve", "--config")
REHEARSE = ("benchmarks.rehearsal",)
"""With stages that sleep."""
LONG = {"num_inference_steps": 300}
"""Many seconds of denoising with the small model: a job to interrupt."""
SETTINGS: dict[str, Any] = {
    # One thread: on busy cores two would mostly wait for each other.
    "models": [
        {"name": "filmgate-tiny", "dtype": "float32", "gflops_per_s": 100.0, "max_steps": 1000}
    ],
    "jobs": {"checkpoint_every_s": 0.5},
    "lease": {"period_s": 0.5, "timeout_s": 4.0},
    "artifacts": {"min_free_bytes": 0},
}
"""Short checkpoint interval and lease: killed parts come back soon."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Service(Served):
    """One data folder and one port, over any number of starts."""

    def __init__(
        self,
        data_dir: Path,
        settings: dict[str, Any],
        *,
        log_level: str = "DEBUG",
        command: Sequence[str] = SERVE,
    ) -> None:
        """`command` is a module, and its words before the settings file."""
        self.data_dir = data_dir
        self.command = command
        self.log_level = log_level
        self.port = free_port()
        self.config = data_dir / "filmgate.yaml"
        data_dir.mkdir(parents=True, exist_ok=True)
        self.config.write_text(json.dumps(settings))
        self.process: subprocess.Popen[bytes] | None = None
        self.output = data_dir / "output.txt"
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)
        self._seen_logs: set[Path] = set()

    def start(self, patience_s: float = PATIENCE_S) -> None:
        """Start it and wait until it is ready."""
        env = {
            **os.environ,
            "FILMGATE_DATA_DIR": str(self.data_dir),
            "FILMGATE_HTTP__PORT": str(self.port),
            "FILMGATE_LOG__FORMAT": "json",
            "FILMGATE_LOG__LEVEL": self.log_level,
        }
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *self.command, str(self.config)],
                env=env,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        until(self._ready, "the service to be ready", patience_s)

    def _ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.output.read_text()
        with contextlib.suppress(httpx.HTTPError):
            return self.http.get("/readyz").status_code == 200
        return False

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Ask it to end and wait until it has."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(60)

    def kill_everything(self) -> None:
        """kill -9 of the driver, of Ray and of every replica, as a power cut would."""
        everything = self.processes()
        for process in everything:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(everything, timeout=30)
        assert self.process is not None
        self.process.wait(30)

    def processes(self) -> list[psutil.Process]:
        """The driver and all that it started."""
        assert self.process is not None
        with contextlib.suppress(psutil.NoSuchProcess):
            driver = psutil.Process(self.process.pid)
            return [driver, *driver.children(recursive=True)]
        return []

    def replica(self, deployment: str) -> psutil.Process:
        """The process of a deployment's replica (waits for one that is being replaced)."""
        return until(lambda: next(iter(self.replicas(deployment)), None), f"a {deployment}")

    def replicas(self, deployment: str) -> list[psutil.Process]:
        found = []
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                if f"ServeReplica:filmgate:{deployment}" in " ".join(process.cmdline()):
                    found.append(process)
        return found

    def log_files(self) -> Iterator[Path]:
        """Everything that the service, its replicas and Ray wrote, of every start so far."""
        for line in self.output.read_text().splitlines():
            if line.startswith("logs: "):
                self._seen_logs.add(Path(line.removeprefix("logs: ")))
        yield self.output
        for folder in sorted(self._seen_logs):
            yield from (path for path in folder.rglob("*") if path.is_file())
