"""Draw panels from what a watched drill showed: Grafana's queries, matplotlib's lines.

KEEP_PANELS=shown.json make test, or pytest tests/integration/monitoring
python -m tests.integration.monitoring.picture shown.json docs/images/watched.png
"""

import json
import math
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from k8s.dashboards.boards import BOARDS
from k8s.dashboards.panel import Panel
from tests.integration.monitoring.drill import TIERS
from tests.integration.monitoring.watching import EVERY_S

SHOWN = {
    "filmgate-overview": (
        "Jobs in the queue",
        "Oldest job in the queue",
        "How full it is",
        "Requests a minute",
    ),
    "filmgate-gate": ("Turned aside", "Broken in a quarter of an hour, and overdue"),
    "filmgate-gpu-load": ("Gangs", "Utilisation", "Power"),
}
UNITS = {"s": "seconds", "watt": "watts", "short": ""}
Series = tuple[str, list[float], list[float]]
"""Its name, and its points: times and values."""


def panels() -> Iterator[tuple[str, Panel]]:
    for board in BOARDS:
        for panel in board.panels:
            if panel.title in SHOWN.get(board.uid, ()):
                yield board.uid, panel


def series_of(shown: Iterable[Any], panel: Panel, since: float) -> list[Series]:
    """Those of the panel that are ever anything but zero, of tiers that asked for something."""
    found = []
    for title, legend, labels, points in shown:
        asked = labels.get("tier", TIERS[0]) in TIERS
        if title == panel.title and asked and any(value for _, value in points):
            found.append((named(legend, labels), *with_gaps(points, since)))
    return found


def with_gaps(points: list[list[float]], since: float) -> tuple[list[float], list[float]]:
    """Times and values, and nothing where there was no value: a line must not bridge that."""
    known = {round(at - since): value for at, value in points}
    times = range(min(known), max(known) + 1, EVERY_S)
    return [float(at) for at in times], [known.get(at, math.nan) for at in times]


def named(legend: str, labels: dict[str, str]) -> str:
    """As Grafana fills in a legend."""
    return re.sub(r"{{(\w+)}}", lambda found: labels.get(found[1], ""), legend)


def draw(axes: Axes, panel: Panel, found: list[Series]) -> None:
    if panel.kind == "areas":
        moments = sorted({at for _, times, _ in found for at in times})
        known = [dict(zip(times, values, strict=True)) for _, times, values in found]
        heights = [np.nan_to_num([of.get(at, 0.0) for at in moments]) for of in known]
        axes.stackplot(moments, heights, labels=[name for name, _, _ in found], alpha=0.7)
    else:
        for name, times, values in found:
            axes.plot(times, values, label=name, linewidth=1.2)
    if panel.bad_at is not None:
        axes.axhline(panel.bad_at, color="tab:red", linestyle=":", linewidth=1)
    axes.set_title(panel.title, fontsize=9, loc="left")
    axes.set_ylabel(UNITS.get(panel.unit, ""), fontsize=7)
    if panel.unit == "percentunit":
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_ylim(bottom=0)
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=6, loc="upper left", framealpha=0.6)


def main(source: str, target: str) -> None:
    shown = json.loads(Path(source).read_text(encoding="utf-8"))
    since = min(at for of in shown.values() for *_, points in of for at, _ in points)
    figure, grid = plt.subplots(3, 3, figsize=(12, 8), layout="constrained", sharex=True)
    for axes, (uid, panel) in zip(grid.flat, panels(), strict=True):
        draw(axes, panel, series_of(shown[uid], panel, since))
    for axes in grid[-1]:
        axes.set_xlabel("seconds of the drill", fontsize=7)
    figure.savefig(target, dpi=90)


if __name__ == "__main__":
    main(*sys.argv[1:3])
