"""Clips of the replay: what they cost on how many GPUs, and what becomes of each job."""

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from autoscaling.decisions import Decision

EFFICIENCY: Final = {1: 1.0, 2: 0.97, 4: 0.87, 8: 0.70}
"""Speed of a gang over that of as many single GPUs: xDiT's own figures for HunyuanVideo 720p on
H100 are 1.03, 0.93 and 0.70; at degree 4 the workload's sizes, most of them smaller, lose more."""
STANDARD_DEGREE: Final = 4
STEPS: Final = 50
START_S: Final = 1.0
"""Before the first step of each start: conditioning, and a checkpoint if there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A kind of clip, by GPU-seconds on one GPU."""

    name: str
    gpu_s: float


SMALL: Final = Size(name="480p5s", gpu_s=150.0)
MEDIUM: Final = Size(name="720p5s", gpu_s=600.0)
LARGE: Final = Size(name="720p10s", gpu_s=1500.0)
LIGHTER: Final = MappingProxyType(
    {
        SMALL: Size(name="480p5s in half the steps", gpu_s=75.0),
        MEDIUM: SMALL,
        LARGE: Size(name="480p10s", gpu_s=375.0),
    }
)
"""What a clip may become instead, where the request allows it."""


def seconds_on(gpu_s: float, degree: int) -> float:
    """Seconds that work of so many single-GPU seconds takes a gang."""
    return gpu_s / (degree * EFFICIENCY[degree])


def standard_gpu_s(gpu_s: float) -> float:
    """GPU-seconds of the same work on a gang of standard size."""
    return gpu_s / EFFICIENCY[STANDARD_DEGREE]


@dataclass(slots=True, kw_only=True, eq=False)
class SimJob:
    """One request of the replay, and what became of it. Times in seconds of the replay."""

    number: int
    arrived_at: float
    rank: int
    tier: str
    account_id: str
    size: Size
    true_gpu_s: float
    """On one GPU; `size.gpu_s` is what is predicted."""
    slo_scale: float
    lighter: Size | None = None
    """What the request says that it may become."""
    decision: Decision | None = None
    promised_by: float | None = None
    predicted_s: float = 0.0
    started_at: float | None = None
    finished_at: float | None = None
    suspended_at: float | None = None
    done: float = 0.0
    """Part of the steps that are finished."""
    held_gpu_s: float = 0.0
    """GPUs times seconds on gangs, redone steps and starts included."""
    preemptions: int = 0
    tries: int = 0
    job_id: str = field(init=False)
    asked_gpu_s: float = field(init=False)
    """Predicted, on one GPU, for the clip that was asked for."""

    def __post_init__(self) -> None:
        self.job_id = f"{self.number:07}"
        self.asked_gpu_s = self.size.gpu_s

    def becomes_lighter(self) -> None:
        """Before it is begun; a request that allows nothing lighter stays as it is."""
        if self.lighter is not None:
            self.true_gpu_s *= self.lighter.gpu_s / self.size.gpu_s
            self.size, self.lighter = self.lighter, None

    @property
    def lightened(self) -> bool:
        return self.size.gpu_s < self.asked_gpu_s

    @property
    def standalone_s(self) -> float:
        """Predicted seconds on an idle gang of standard size."""
        return seconds_on(self.size.gpu_s, STANDARD_DEGREE)

    @property
    def deadline(self) -> float:
        """On the arrival clock."""
        return self.arrived_at + self.slo_scale * self.standalone_s

    @property
    def clock(self) -> float:
        """The time by which it must be there: the promised one, if one was promised."""
        return self.deadline if self.promised_by is None else self.promised_by

    @property
    def left_gpu_s(self) -> float:
        """Predicted for what is left to do, on one GPU."""
        return self.size.gpu_s * (1 - self.done)
