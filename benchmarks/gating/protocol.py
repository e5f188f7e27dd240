"""What is fixed before anything runs: seeds, scenarios, grids. Tuned values are in `tuned.json`."""

import json
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import Final

from autoscaling.replay.policies import ABLATIONS, BASELINES
from autoscaling.replay.scenarios import ALL

TUNING_SEEDS: Final = tuple(range(1, 11))
DEVELOPMENT_SEEDS: Final = tuple(range(201, 221))
"""Reported again and again, while faults that they showed were mended."""
REPORT_SEEDS: Final = tuple(range(401, 421))
"""Nobody had replayed these when the values were tuned and the faults mended: reported once."""
TUNED_ON: Final = "S4x10"
SCENARIOS: Final = tuple(each.name for each in ALL)
OURS: Final = "filmgate"
SHEDDING: Final = "filmgate-no-deferral"
ORACLE: Final = "edf-oracle"
EVERYWHERE: Final = (OURS, SHEDDING, *BASELINES)
"""Replayed in every scenario; the other ablations where they differ."""
RIVALS: Final = tuple(name for name in BASELINES if name != ORACLE)
"""B0 to B6."""
LESS: Final = tuple(name for name in ABLATIONS if name not in (SHEDDING, "filmgate-no-lighter"))
FILE: Final = Path(__file__).with_name("tuned.json")

Grid = Mapping[str, tuple[float, ...]]
BOTH: Final = (4, 2)
"""Gangs of four, of which there are four, or of two."""
GRIDS: Final[Mapping[str, Grid]] = MappingProxyType(
    {
        "ray-cap": {"most": (1, 2, 4, 6, 8, 12, 16, 20, 40), "degree": BOTH},
        "fixed-limit": {"most": (6, 8, 10, 12, 14, 16, 20, 24, 32), "degree": BOTH},
        "priority-cap": {"most": (1, 2, 3, 4, 6, 8, 12, 20, 40), "degree": BOTH},
        "dagor": {
            "threshold_s": (10, 20, 40, 60, 120, 240),
            "window_s": (30, 60, 120, 300),
            "degree": BOTH,
        },
        "gradient2": {
            "tolerance": (1.0, 1.25, 1.5, 2.0, 3.0),
            "queue": (1, 2, 4, 8),
            "degree": BOTH,
        },
        "edf-oracle": {"degree": BOTH},
        OURS: {
            "drain_target_s": (200.0, 300.0, 450.0),
            "in_reserve": (0.15, 0.2, 0.25, 0.3),
        },
    }
)
"""First come first served and static priority have nothing to tune."""


def points(grid: Grid) -> Iterator[dict[str, float]]:
    """All combinations."""
    for values in product(*grid.values()):
        yield dict(zip(grid, values, strict=True))


def tuned() -> dict[str, dict[str, float]]:
    """By policy, as `gate tune` left them. Raises `FileNotFoundError` before it ran."""
    chosen: dict[str, dict[str, float]] = json.loads(FILE.read_text())["chosen"]
    return chosen
