"""Situations as a Scheduler in trouble would send them."""

from dataclasses import replace

from autoscaling.admission import Situation
from autoscaling.gates import Switches
from autoscaling.load import Load, TierLoad
from tests.contract.film_crew import OPEN

RANKS = {tier.name: rank for rank, tier in enumerate(OPEN.rules.tiers)}
LOWEST_PAID = RANKS["plus"]


def flooded(part: float = 1.0, *, promises: bool = True, paid: float = 0.0) -> Situation:
    """This part of unpaid requests is turned aside; without room for `promises` they are shed."""
    aside = tuple(paid if rank >= LOWEST_PAID else max(part, paid) for rank in RANKS.values())
    promised = 0.0 if promises else 1e9
    tiers = (TierLoad(promised_gpu_s=promised, offered_gpu_s_per_s=4.0), *OPEN.load.tiers[1:])
    return replace(
        OPEN,
        load=Load(gpus=1.0, tiers=tiers),
        levels=tuple(2.0 if part_ else 0.0 for part_ in aside),
        aside=aside,
    )


def switched(**changes: frozenset[str]) -> Situation:
    """An open gate, and an operator who closed something."""
    return replace(OPEN, switches=Switches(**changes))
