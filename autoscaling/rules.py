"""All constants of the policy in one value, as the settings give them."""

from dataclasses import dataclass, field

from autoscaling.gates import GateRule
from autoscaling.ordering import OrderRule
from autoscaling.preemption import PreemptionRule
from autoscaling.promises import PromiseRule, ReleaseRule
from autoscaling.saturation import SaturationRule
from autoscaling.tiers import DEFAULT_TIERS, Tiers


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """One rule for each decision; the defaults are what the replay was tuned to."""

    tiers: Tiers = DEFAULT_TIERS
    saturation: SaturationRule = field(default_factory=SaturationRule)
    gates: GateRule = field(default_factory=GateRule)
    promises: PromiseRule = field(default_factory=PromiseRule)
    release: ReleaseRule = field(default_factory=ReleaseRule)
    order: OrderRule = field(default_factory=OrderRule)
    preemption: PreemptionRule = field(default_factory=PreemptionRule)
