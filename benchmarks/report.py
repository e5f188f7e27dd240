"""How results are shown and kept: a table for people, JSON for the next run to compare with."""

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

THREADS = 1
"""Torch threads of the denoiser and of the bare pipeline alike."""
BENCH_SETTINGS: dict[str, Any] = {
    "models": [
        {
            "name": "filmgate-tiny",
            "dtype": "float32",
            "gflops_per_s": 100.0,
            "max_steps": 1000,
            "denoiser": {"threads": THREADS},
        }
    ],
    "artifacts": {"min_free_bytes": 0},
}
"""The embedded model, free to take more steps than it needs."""
RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measured figure, its unit, and what it is measured against."""

    what: str
    value: float
    unit: str
    note: str = ""


def hardware() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def publish(name: str, rows: list[Row], details: Mapping[str, Any]) -> None:
    """Print the table and write `results/<name>.json`."""
    machine = hardware()
    table = Table(title=f"{name} ({machine['cores']} cores, {machine['cpu']})")
    for column in ("what", "value", "unit", "note"):
        table.add_column(column, justify="right" if column == "value" else "left")
    for row in rows:
        table.add_row(row.what, f"{row.value:.4g}", row.unit, row.note)
    Console(width=120).print(table)
    RESULTS.mkdir(exist_ok=True)
    content = {
        "hardware": machine,
        "figures": {row.what: {"value": row.value, "unit": row.unit} for row in rows},
        "details": details,
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n")


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
