"""From `filmgate serve` to ready against loading the same model in one process; idle memory."""

import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil

from benchmarks.report import BENCH_SETTINGS, Row, publish
from tests.integration.service.running import Service

ROUNDS = 3
LOAD = """
from benchmarks.bare import BarePipeline
from pipelines.embedded.place import WEIGHTS
BarePipeline(WEIGHTS, threads=1)
"""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="filmgate-bench-") as folder:
        service = Service(Path(folder) / "data", BENCH_SETTINGS, log_level="INFO")
        _start_s(service)  # makes the database
        starts, loads = [], []
        for _ in range(ROUNDS):
            starts.append(_start_s(service))
            loads.append(_load_s())
        idle = _idle_memory(service)
    starts.sort()
    loads.sort()
    middle = ROUNDS // 2
    rows = [
        Row(what="ratio", value=starts[middle] / loads[middle], unit="serve / load"),
        Row(what="serve to ready", value=starts[middle], unit="s"),
        Row(what="import and load, one process", value=loads[middle], unit="s"),
        Row(what="idle memory, whole service", value=sum(idle.values()) / 2**20, unit="MiB PSS"),
    ]
    publish("startup", rows, {"starts_s": starts, "loads_s": loads, "idle_pss_bytes": idle})


def _start_s(service: Service) -> float:
    began = time.perf_counter()
    service.start()
    took = time.perf_counter() - began
    service.stop()
    return took


def _load_s() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", LOAD], check=True)
    return time.perf_counter() - began


def _idle_memory(service: Service) -> dict[str, int]:
    """Proportional set size by kind of process: shared pages are counted once in the sum."""
    service.start()
    try:
        idle: Counter[str] = Counter()
        for process in service.processes():
            idle[_role(process)] += process.memory_full_info().pss
        return dict(idle)
    finally:
        service.stop()


def _role(process: psutil.Process) -> str:
    """What a process is, without the folders of this machine."""
    return " ".join(Path(part).name for part in process.cmdline()[:3]).strip()


if __name__ == "__main__":
    main()
