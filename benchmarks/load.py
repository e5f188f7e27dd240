"""Clips a minute under an open-loop load, against a plain loop of bare diffusers."""

import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.bare import BarePipeline
from benchmarks.overhead import served
from benchmarks.report import BENCH_SETTINGS, THREADS, Row, publish
from pipelines.embedded.place import WEIGHTS
from tests.integration.service.running import Service

JOBS = 40
OFFERED = 1.5
"""Arrival rate over the bare loop's rate: enough that the service is never idle."""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="filmgate-bench-") as folder:
        service = Service(Path(folder) / "data", BENCH_SETTINGS, log_level="INFO")
        service.start()
        try:
            template = served(service, {})
            bare_s = _loop(BarePipeline(WEIGHTS, threads=THREADS), template, Path(folder))
            served_s, videos = _flood(service, every_s=bare_s / JOBS / OFFERED)
        finally:
            service.stop()
    rows = [
        Row(what="ratio", value=bare_s / served_s, unit="served / bare, clips a minute"),
        Row(what="served", value=60 * JOBS / served_s, unit="clips a minute"),
        Row(what="bare", value=60 * JOBS / bare_s, unit="clips a minute"),
    ]
    publish("load", rows, {"jobs": JOBS, "metrics": [video["metrics"] for video in videos]})


def _loop(bare: BarePipeline, template: dict[str, Any], folder: Path) -> float:
    """Seconds for all clips, one after another."""
    bare.clip(folder / "warm.mp4", template)
    began = time.perf_counter()
    for seed in range(JOBS):
        bare.clip(folder / f"{seed}.mp4", {**template, "seed": seed})
    return time.perf_counter() - began


def _flood(service: Service, *, every_s: float) -> tuple[float, list[dict[str, Any]]]:
    """Post on a clock, whatever the service does; seconds until the last clip was seen finished."""
    ids: list[str] = []
    clock = threading.Event()
    began = time.time()
    for seed in range(JOBS):
        clock.wait(max(0.0, began + seed * every_s - time.time()))
        ids.append(service.submit("a red ball bounces", seed=seed))
    videos = [service.finish(job_id, patience_s=600, every_s=0.1) for job_id in ids]
    lost = [video for video in videos if video["status"] != "completed"]
    if lost:
        raise RuntimeError(f"{len(lost)} of {JOBS} clips failed")
    return time.time() - began, videos


if __name__ == "__main__":
    main()
