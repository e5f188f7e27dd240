"""How many replicas there should be, and how fast that may change."""

from pydantic import Field

from autoscaling.capacity import CapacityRule
from autoscaling.forecast import ForecastRule
from serve.settings.section import Section


class Capacity(Section):
    """Replicas between `min` and `max` of each pool, by what is asked for. Times in seconds."""

    enabled: bool | None = None
    """Left out: if some stage or gang may have more replicas than it starts with."""
    gpu_budget: float | None = Field(None, gt=0)
    """GPUs of all replicas together. Left out: those that the cluster has; where no stage uses
    GPUs, a rank of a gang counts as one, and left out there is no limit."""
    cold_start_s: float = Field(120.0, ge=0)
    """From wanting a replica to its first job: demand is forecast over this time."""
    report_every_s: float = Field(5.0, gt=0)
    """How often the Scheduler tells the figures; a decision is made on each."""
    busy: float = Field(0.85, gt=0, le=1)
    """Part of a replica's time that is counted on."""
    drain_s: float = Field(600.0, gt=0)
    """What has piled up should be done in this time."""
    up_after_s: float = Field(30.0, ge=0)
    """More must have been needed for so long; a pool that is asleep wakes at once."""
    down_after_s: float = Field(600.0, ge=0)
    """Fewer must have been needed for so long."""
    down_every_s: float = Field(60.0, ge=0)
    """Between one replica less and the next."""
    asleep_after_s: float = Field(1_800.0, ge=0)
    """A model that may sleep loses its last replicas after so long without a request."""
    level_s: float = Field(300.0, gt=0)
    """Demand is smoothed over this time."""
    slope_s: float = Field(900.0, gt=0)
    """Its growth is smoothed over this time."""
    most_growth: float = Field(2.0, ge=1)
    """A forecast is at most so many times the present demand."""

    @property
    def rule(self) -> CapacityRule:
        """As the policy takes it."""
        return CapacityRule(
            busy=self.busy,
            drain_s=self.drain_s,
            up_after_s=self.up_after_s,
            down_after_s=self.down_after_s,
            down_every_s=self.down_every_s,
            asleep_after_s=self.asleep_after_s,
        )

    @property
    def forecast(self) -> ForecastRule:
        """As the forecast takes it."""
        return ForecastRule(
            level_s=self.level_s, slope_s=self.slope_s, most_growth=self.most_growth
        )
