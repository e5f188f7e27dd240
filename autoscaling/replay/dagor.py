"""WeChat's DAGOR as a baseline: one cut-off over (tier, account), moved by queueing delay.

Each window, if jobs waited longer than the threshold in the mean, the cut-off rises until 5 % fewer
would have been let in; else it falls until 1 % more of those that came would have been.
"""

from autoscaling.replay.jobs import SimJob
from autoscaling.shedding import draw

LEVELS_A_TIER = 128


class Dagor:
    """Feedback only: it learns of a queue when jobs leave it."""

    def __init__(self, threshold_s: float = 60.0, window_s: float = 60.0) -> None:
        self._threshold_s = threshold_s
        self._window_s = window_s
        self._ends_at = window_s
        self._cut = 0
        self._came: list[int] = []
        self._delays: list[float] = []

    def lets_in(self, job: SimJob, waiting: list[int], running: int, now: float) -> bool:
        while now >= self._ends_at:
            self._move()
            self._ends_at += self._window_s
        level = job.rank * LEVELS_A_TIER + int(draw(job.account_id, now) * LEVELS_A_TIER)
        self._came.append(level)
        return level >= self._cut

    def started(self, job: SimJob, now: float) -> None:
        self._delays.append(now - job.arrived_at)

    def ended(self, job: SimJob, now: float) -> None:
        pass

    def _move(self) -> None:
        """At the end of a window."""
        overloaded = (
            bool(self._delays) and sum(self._delays) / len(self._delays) > self._threshold_s
        )
        let_in = sorted(level for level in self._came if level >= self._cut)
        shed = sorted((level for level in self._came if level < self._cut), reverse=True)
        if overloaded and let_in:
            fewer = max(1, round(0.05 * len(let_in)))
            self._cut = let_in[fewer - 1] + 1
        elif not overloaded:
            more = max(1, round(0.01 * len(self._came)))
            self._cut = shed[more - 1] if len(shed) >= more else 0
        self._came, self._delays = [], []
