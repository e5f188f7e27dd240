"""All constants of the policy in one value, as the settings give them."""

from dataclasses import dataclass, field

from autoscaling.gates import GateRule
from autoscaling.meters import MeterRule
from autoscaling.ordering import OrderRule
from autoscaling.placement import PlacementRule
from autoscaling.preemption import PreemptionRule
from autoscaling.promises import PromiseRule, ReleaseRule
from autoscaling.saturation import SaturationRule
from autoscaling.shedding import SheddingRule
from autoscaling.tiers import DEFAULT_TIERS, Tiers


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """One rule for each decision; the defaults are what the replay was tuned to."""

    tiers: Tiers = DEFAULT_TIERS
    meters: MeterRule = field(default_factory=MeterRule)
    saturation: SaturationRule = field(default_factory=SaturationRule)
    gates: GateRule = field(default_factory=GateRule)
    shedding: SheddingRule = field(default_factory=SheddingRule)
    promises: PromiseRule = field(default_factory=PromiseRule)
    release: ReleaseRule = field(default_factory=ReleaseRule)
    order: OrderRule = field(default_factory=OrderRule)
    preemption: PreemptionRule = field(default_factory=PreemptionRule)
    placement: PlacementRule = field(default_factory=PlacementRule)
