"""The constants of the policy's single decisions: a section for each rule of `autoscaling.rules`.

Field by field a section is its rule, with bounds; a test compares their names and defaults. What
ends in `_s` is a period in seconds: a service in a rehearsal has all of them divided by one factor.
"""

from pydantic import Field

from serve.settings.section import Section


class Meters(Section):
    """`autoscaling.meters.MeterRule`."""

    offered_s: float = Field(600.0, gt=0)
    """What is asked for now, is asked for in so long."""
    sustained_s: float = Field(14_400.0, gt=0)
    """The same in the long run: promises are made of what paid tiers leave over in it."""
    waits_s: float = Field(300.0, gt=0)
    """For so long the wait of a paid job is looked back at."""
    least_s: float = Field(1.0, gt=0)
    """Waits are compared with no less than this."""


class Saturation(Section):
    """`autoscaling.saturation.SaturationRule`."""

    drain_target_s: float = Field(450.0, gt=0)
    """The saturation is 1 when what waits, or was promised, takes so long to finish."""
    smoothing_s: float = Field(60.0, gt=0)
    surge_floor: float = Field(0.5, ge=0, le=1)
    """The smoothed value is never below this part of the present one."""


class Gate(Section):
    """`autoscaling.gates.GateRule`."""

    hysteresis: float = Field(1.0, ge=0)
    """A gate opens so far below `closes_at`, as a part of the way from there to `shut_at`."""
    dwell_s: float = Field(120.0, ge=0)
    """A gate that has moved stays so for this long."""


class Shedding(Section):
    """`autoscaling.shedding.SheddingRule`."""

    rotation_s: float = Field(3_600.0, gt=0)
    """The same accounts of a tier are turned aside for so long."""
    session_s: float = Field(1_800.0, ge=0)
    """So long after its last clip an account is turned aside less often."""
    least_retry_s: float = Field(30.0, gt=0)
    """The least that is told as Retry-After."""
    closed_retry_s: float = Field(3_600.0, gt=0)
    """Retry-After for what an operator has closed."""


class Promises(Section):
    """`autoscaling.promises.PromiseRule`."""

    horizon_s: float = Field(14_400.0, gt=0)
    """No more is promised than all GPUs can do in this time."""
    in_reserve: float = Field(0.25, ge=0, lt=1)
    """The part of what paid tiers leave over that promises do not count on."""
    least_share: float = Field(0.1, gt=0, le=1)
    """The part of the GPUs that promises count on at least."""
    quantile: float = Field(0.9, gt=0, lt=1)
    """How many promises are to be kept."""
    first_stretch: float = Field(1.25, gt=0)
    """Predicted waits are stretched by this until promises have ended."""
    learning: float = Field(0.02, ge=0, le=1)
    """How much each promise that has ended changes the stretch."""
    least_stretch: float = Field(0.8, gt=0)
    most_stretch: float = Field(4.0, gt=0)
    soon_s: float = Field(60.0, gt=0)
    """What is due sooner counts as due then."""


class Release(Section):
    """`autoscaling.promises.ReleaseRule`."""

    fill_to: float = Field(0.7, ge=0)
    """Deferred jobs fill the queue up to this part of the drain target; 0: only idle gangs."""
    lead_s: float = Field(900.0, ge=0)
    """A promised job is due this long before it would have to begin."""


class Order(Section):
    """`autoscaling.ordering.OrderRule`."""

    low_share: float = Field(0.0, ge=0, le=1)
    """The part of the GPUs that unpaid tiers get in any case."""
    longest_suspension_s: float = Field(120.0, ge=0)
    """A job that has given way for so long goes before all others."""
    longest_overrun: float = Field(1.15, ge=1)
    """A promise broken by this much of its length is made good before others are kept."""
    aged_after: float = Field(3.0, ge=1)
    """A job is due when it has waited this many times its target."""


class Preemption(Section):
    """`autoscaling.preemption.PreemptionRule`."""

    gap: float = Field(0.8, ge=0)
    """A paid job is urgent with less to spare than this part of what it takes; 0: nobody gives
    way."""
    most_preemptions: int = Field(2, ge=0)
    """How often one job may have to give way."""
    least_steps_left: int = Field(5, ge=0)
    paid_spare: float = Field(1.5, ge=0)
    """A paid job gives way if it has this many times to spare what the other takes."""


class Placement(Section):
    """`autoscaling.placement.PlacementRule`."""

    standard_devices: int = Field(1, ge=1)
    """Paid jobs get a gang of fewer devices only if they are in time on it, and targets are counted
    in times on one of so many."""
    idle_drain_s: float = Field(40.0, ge=0)
    """With less than this to do everybody gets the largest gang that is free."""
    margin: float = Field(1.25, ge=1)
    """A smaller gang must leave this much room."""
    least_steps_between: int = Field(5, ge=1)
    """A job moves to a larger gang after so many steps at least, with as many still to make."""
    least_gain_s: float = Field(10.0, ge=0)
    """It moves only if it gains so much."""
