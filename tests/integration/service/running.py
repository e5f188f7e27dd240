"""A real `filmgate serve` in a process of its own: start it, ask it, look inside, kill parts."""

import contextlib
import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

T = TypeVar("T")
PATIENCE_S = 180.0
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


def until(
    probe: Callable[[], T | None],
    what: str,
    patience_s: float = PATIENCE_S,
    every_s: float = 0.05,
) -> T:
    """The first truthy answer of `probe`; fails naming `what` after `patience_s`."""
    deadline = time.monotonic() + patience_s
    while True:
        if answer := probe():
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience_s:g} s in vain for {what}")
        time.sleep(every_s)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A denoising step as a gang logged it; times in Unix seconds."""

    job_id: str
    attempt: int
    step: int
    pid: int
    began_at: float
    ended_at: float


class Service:
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

    def submit(self, prompt: str = "a red ball", **fields: Any) -> str:
        """POST a clip; its id."""
        answer = self.http.post("/v1/videos", json={"prompt": prompt, **fields})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def job(self, job_id: str) -> dict[str, Any]:
        answer = self.http.get(f"/v1/videos/{job_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def at_step(self, job_id: str, step: int) -> dict[str, Any]:
        """Wait until that many steps are done (or the job has ended)."""

        def reached() -> dict[str, Any] | None:
            job = self.job(job_id)
            ended = job["status"] not in ("queued", "in_progress")
            return job if ended or (job["step"] or 0) >= step else None

        return until(reached, f"step {step} of {job_id}")

    def finish(
        self, job_id: str, patience_s: float = PATIENCE_S, every_s: float = 0.05
    ) -> dict[str, Any]:
        """Wait until the job has ended."""

        def ended() -> dict[str, Any] | None:
            with contextlib.suppress(httpx.HTTPError, AssertionError):
                job = self.job(job_id)
                return job if job["status"] not in ("queued", "in_progress") else None
            return None

        return until(ended, f"the end of {job_id}", patience_s, every_s)

    def clip(self, job_id: str) -> bytes:
        answer = self.http.get(f"/v1/videos/{job_id}/content")
        assert answer.status_code == 200, answer.text
        return answer.content

    def log_files(self) -> Iterator[Path]:
        """Everything that the service, its replicas and Ray wrote, of every start so far."""
        for line in self.output.read_text().splitlines():
            if line.startswith("logs: "):
                self._seen_logs.add(Path(line.removeprefix("logs: ")))
        yield self.output
        for folder in sorted(self._seen_logs):
            yield from (path for path in folder.rglob("*") if path.is_file())

    def log_lines(self) -> Iterator[dict[str, Any]]:
        """All structured log lines of all replicas, of every start so far."""
        for path in self.log_files():
            if path.match("worker-*.err"):
                for line in path.read_text(errors="replace").splitlines():
                    if line.startswith("{"):
                        with contextlib.suppress(ValueError):
                            yield json.loads(line)

    def steps(self, job_id: str) -> list[Step]:
        """Every step that any gang really executed for the job, in order of time."""
        found = [
            Step(
                job_id=line["job_id"],
                attempt=line["attempt"],
                step=line["step"],
                pid=line["pid"],
                began_at=line["began_at"],
                ended_at=line["began_at"] + line["seconds"],
            )
            for line in self.log_lines()
            if line.get("job_id") == job_id and "began_at" in line and "step" in line
        ]
        return sorted(found, key=lambda step: step.began_at)
