"""A service as its clients see it, and as its logs tell of it."""

import contextlib
import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx

T = TypeVar("T")
PATIENCE_S = 180.0


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


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A denoising step as a gang logged it; times in Unix seconds."""

    job_id: str
    attempt: int
    step: int
    pid: int
    began_at: float
    ended_at: float


class Served:
    """Whoever serves; `http` leads to it, with a key if it needs one."""

    http: httpx.Client

    def log_files(self) -> Iterator[Path]:
        """Everything that the service, its replicas and Ray wrote."""
        raise NotImplementedError

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
