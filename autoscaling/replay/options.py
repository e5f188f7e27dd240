"""What filmgate's policy is replayed with: its rules, its gangs, and what is left out."""

from dataclasses import dataclass, field

from autoscaling.placement import PlacementRule
from autoscaling.replay.jobs import STANDARD_DEGREE
from autoscaling.rules import Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is left out for the ablations."""

    degrees: tuple[int, ...] = (4, 4, 4, 4)
    rules: Rules = field(default_factory=Rules)
    placement: PlacementRule = field(
        default_factory=lambda: PlacementRule(standard_devices=STANDARD_DEGREE)
    )
    preempts: bool = True
    moves: bool = True
    """Whether a running job goes on on a larger gang that nobody needs."""
    lighter: bool = True
    """Whether clips are made lighter where the request allows it."""
    mean_gpu_s: float | None = None
    """Instead of each job's cost: requests are counted."""
