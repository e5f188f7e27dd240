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
    value: float | None
    """None for what could not be measured; the note says why."""
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
        table.add_row(row.what, _shown(row.value), row.unit, row.note)
    Console(width=120).print(table)
    write_results(RESULTS / f"{name}.json", rows, details)


def write_results(path: Path, rows: list[Row], details: Mapping[str, Any]) -> None:
    """The rows as JSON, with what they were measured on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figures = {
        row.what: {
            "value": row.value,
            "unit": row.unit,
            **({"note": row.note} if row.note else {}),
        }
        for row in rows
    }
    content = {"hardware": hardware(), "figures": figures, "details": details}
    path.write_text(json.dumps(content, indent=2) + "\n")


def markdown(name: str, rows: list[Row]) -> str:
    """The rows as a table that can be pasted into a document."""
    machine = hardware()
    lines = [
        f"### {name}: {machine['gpu'] or machine['cpu']}, torch {machine['torch']}",
        "",
        "| what | value | unit | note |",
        "|---|--:|---|---|",
        *(shown(row) for row in rows),
    ]
    return "\n".join(lines)


def shown(row: Row) -> str:
    """A row as a line of such a table."""
    return f"| {row.what} | {_shown(row.value)} | {row.unit} | {row.note} |"


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
