"""Draw one replay as a picture: the queue, who was turned aside, how long clips took."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from autoscaling.replay.scenarios import HOUR
from autoscaling.replay.timeline import Timeline

COLOURS = ("#d55e00", "#e69f00", "#56b4e9", "#0072b2", "#009e73", "#cc79a7")
"""From the lowest tier up; told apart by those who see no red or green, too."""
SURGE = "#eeeeee"


def draw_replay(shown: Timeline, title: str, flood_h: list[tuple[float, float]], to: Path) -> None:
    """Three panels over the same hours, as a PNG; `flood_h` are drawn as a grey background."""
    picture = Figure(figsize=(10, 9), layout="constrained")
    picture.suptitle(title)
    queue, aside, took = picture.subplots(3, 1, sharex=True)
    for axis in (queue, aside, took):
        for begins_h, ends_h in flood_h:
            axis.axvspan(begins_h, ends_h, color=SURGE, zorder=0)
        axis.grid(alpha=0.3)
    _draw_queue(queue, shown)
    _draw_aside(aside, shown)
    _draw_took(took, shown)
    took.set_xlabel("hours")
    picture.savefig(to, dpi=80, format="png")


def _draw_queue(axis: Axes, shown: Timeline) -> None:
    hours = [at / HOUR for at in shown.queue_at]
    for colour, (name, line) in zip(COLOURS, shown.tiers.items(), strict=False):
        axis.plot(hours, line.waiting, color=colour, linewidth=1.2, label=f"{name}, let in")
        if any(line.promised):
            axis.plot(hours, line.promised, color=colour, linestyle="--", label=f"{name}, promised")
    axis.set_title("Jobs that have not begun", loc="left")
    axis.set_ylabel("jobs")
    axis.legend(fontsize=8, ncols=2, loc="upper right")


def _draw_aside(axis: Axes, shown: Timeline) -> None:
    hours = [at / HOUR for at in shown.flow_at]
    for colour, (name, line) in zip(COLOURS, shown.tiers.items(), strict=False):
        part = [float("nan") if value is None else 100 * value for value in line.aside]
        axis.step(hours, part, where="mid", color=colour, label=name)
    axis.set_title("Requests that were not let in at once: deferred or shed", loc="left")
    axis.set_ylabel("% of twenty minutes")
    axis.set_ylim(-4, 104)
    axis.legend(fontsize=8, loc="upper right")


def _draw_took(axis: Axes, shown: Timeline) -> None:
    hours = [at / HOUR for at in shown.flow_at]
    for colour, (name, line) in zip(COLOURS, shown.tiers.items(), strict=False):
        median, late = (
            [float("nan") if value is None else value / 60 for value in values]
            for values in (line.took_p50_s, line.took_p90_s)
        )
        axis.plot(hours, median, color=colour, label=f"{name}, median")
        axis.plot(hours, late, color=colour, linestyle=":", label=f"{name}, 90 %")
    axis.set_yscale("log")
    axis.set_title("From the request to the clip, by when it was asked for", loc="left")
    axis.set_ylabel("minutes")
    axis.legend(fontsize=8, ncols=2, loc="upper left")
