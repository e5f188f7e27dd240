"""The policy: what each tier is owed, when its gate closes, and the constants of every decision."""

from dataclasses import asdict, replace
from typing import Any

from pydantic import Field

from autoscaling.gates import GateRule
from autoscaling.meters import MeterRule
from autoscaling.ordering import OrderRule
from autoscaling.placement import PlacementRule
from autoscaling.preemption import PreemptionRule
from autoscaling.promises import PromiseRule, ReleaseRule
from autoscaling.rules import Rules
from autoscaling.saturation import SaturationRule
from autoscaling.shedding import SheddingRule
from autoscaling.tiers import DEFAULT_TIERS, Tier, Tiers
from serve.settings.accounts import Tier as TierName
from serve.settings.policy_rules import (
    Gate,
    Meters,
    Order,
    Placement,
    Preemption,
    Promises,
    Release,
    Saturation,
    Shedding,
)
from serve.settings.section import Section

LONE_TIER = "free"
"""A single tier of an unknown name is like this one: accounts share, and none is turned away."""
HIGHEST_UNPAID = max(rank for rank, tier in enumerate(DEFAULT_TIERS) if not tier.paid)
AS_THE_NEAREST = ("name", "paid")


class TierPolicy(Section):
    """What is different for one tier. What is left out is the default of a tier of this name, or
    of its place between such ones."""

    paid: bool | None = None
    """Whether its jobs go by deadlines; the unpaid tiers share what these leave over."""
    closes_at: float | None = Field(None, gt=0)
    """Saturation above which some requests are no longer let in at once."""
    shut_at: float | None = Field(None, gt=0)
    """Saturation from which on none are; above `closes_at`."""
    slo_scale: float | None = Field(None, gt=0)
    """A clip is on time within this many times what it takes on an idle gang."""
    least_target_s: float | None = Field(None, ge=0)
    """A clip that is there within so many seconds is on time."""
    weight: float | None = Field(None, gt=0)
    """An account's share against accounts of other unpaid tiers."""
    max_promise_s: float | None = Field(None, ge=0)
    """A promise further away than this is not made; 0 makes none."""
    max_outstanding: int | None = Field(None, ge=1)
    """Unfinished jobs of one account."""


class Policy(Section):
    tick_s: float = Field(1.0, gt=0, le=2)
    """How often the Scheduler looks, and tells the Gateways what it sees, as they tell it what was
    asked for."""
    remember_every_s: float = Field(5.0, gt=0)
    """How often what was learnt is stored for the next Scheduler."""
    told_every_s: float = Field(2.0, gt=0, le=5)
    """How old what `filmgate gate status` shows may be."""
    gone_after_s: float = Field(120.0, ge=0)
    """Without any gang, the GPUs that were there last are counted on for so long: a gang that is
    being replaced is no reason to turn anybody away."""
    tiers: dict[TierName, TierPolicy] = Field({}, validate_default=True)
    meters: Meters = Meters()
    saturation: Saturation = Saturation()
    gates: Gate = Gate()
    shedding: Shedding = Shedding()
    promises: Promises = Promises()
    release: Release = Release()
    order: Order = Order()
    preemption: Preemption = Preemption()
    placement: Placement = Placement()

    def rules(self, tiers: tuple[str, ...]) -> Rules:
        """For these tiers, the lowest first. Raises `ValueError`, which names the key."""
        return Rules(
            tiers=_ladder(tiers, self.tiers),
            meters=MeterRule(**self.meters.model_dump()),
            saturation=SaturationRule(**self.saturation.model_dump()),
            gates=GateRule(**self.gates.model_dump()),
            shedding=SheddingRule(**self.shedding.model_dump()),
            promises=PromiseRule(**self.promises.model_dump()),
            release=ReleaseRule(**self.release.model_dump()),
            order=OrderRule(**self.order.model_dump()),
            preemption=PreemptionRule(**self.preemption.model_dump()),
            placement=PlacementRule(**self.placement.model_dump()),
        )


def _ladder(names: tuple[str, ...], stated: dict[str, TierPolicy]) -> Tiers:
    if unknown := ", ".join(name for name in stated if name not in names):
        raise ValueError(f"policy.tiers has {unknown}, and tiers has {', '.join(names)} only")
    try:
        return Tiers(
            ladder=tuple(
                replace(_between(name, place), **_said(stated.get(name)))
                for name, place in zip(names, _places(names), strict=True)
            )
        )
    except ValueError as error:
        raise ValueError(
            f"policy.tiers: {error}. The tiers are {', '.join(names)}, the lowest first: state the "
            "value for both in policy.tiers, or put them in another order"
        ) from error


def _said(tier: TierPolicy | None) -> dict[str, Any]:
    return tier.model_dump(exclude_none=True) if tier else {}


def _places(names: tuple[str, ...]) -> list[float]:
    """Where each tier stands among the defaults, which stand at 0, 1, 2 ...

    Others are spread evenly between their neighbours, the outermost at the ends: of `free, silver,
    gold` the last is like `enterprise`, and silver lies half way.
    """
    known = {tier.name: float(rank) for rank, tier in enumerate(DEFAULT_TIERS)}
    if len(names) == 1:
        return [known.get(names[0], known[LONE_TIER])]
    fixed = {at: known[name] for at, name in enumerate(names) if name in known}
    fixed.setdefault(0, 0.0)
    fixed.setdefault(len(names) - 1, float(len(DEFAULT_TIERS) - 1))
    places = []
    for at in range(len(names)):
        left = max(each for each in fixed if each <= at)
        right = min(each for each in fixed if each >= at)
        part = (at - left) / max(1, right - left)
        places.append(fixed[left] + part * (fixed[right] - fixed[left]))
    return places


def _between(name: str, place: float) -> Tier:
    """The default tier at this place; between two, each number in proportion. What stands above
    the unpaid defaults is paid."""
    lower = DEFAULT_TIERS[int(place)]
    upper = DEFAULT_TIERS[min(int(place) + 1, len(DEFAULT_TIERS) - 1)]
    part = place - int(place)
    numbers = {
        key: value + part * (getattr(upper, key) - value)
        for key, value in asdict(lower).items()
        if key not in AS_THE_NEAREST
    }
    numbers["max_outstanding"] = round(numbers["max_outstanding"])
    return Tier(name=name, paid=place > HIGHEST_UNPAID, **numbers)
