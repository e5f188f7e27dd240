"""What becomes of a request while nobody knows the load: paid ones go on, all others come back."""

from dataclasses import replace
from typing import Final

from autoscaling.admission import Request, Situation, decide
from autoscaling.decisions import Admit, Decision, Reason, Shed
from autoscaling.gates import Gates, Switches, fail_safe
from autoscaling.load import Load, TierLoad
from autoscaling.promises import Stretch
from autoscaling.rules import Rules

RETRY_S: Final = 5.0
"""A scheduler that died is there again, or another one, within seconds."""


def decide_unseen(
    request: Request, rules: Rules, switches: Switches, now: float, *, why: Reason = Reason.AWAY
) -> Decision:
    """As if no GPU were there, but paid requests may wait for one. What an operator had closed
    stays closed, as far as it is known. `why` is the reason that is told."""
    tiers = rules.tiers
    nothing = (0.0,) * len(tiers)
    held_back = Gates.open(len(tiers)).after(nothing, tiers, now, rules.gates, switches).aside
    sight = Situation(
        load=Load(gpus=0.0, tiers=(TierLoad(),) * len(tiers)),
        levels=nothing,
        aside=tuple(map(max, held_back, fail_safe(tiers))),
        stretch=Stretch(),
        rules=rules,
        switches=switches,
    )
    decision = decide(replace(request, lighter=()), sight, now)
    if isinstance(decision, Admit):
        return Admit(reason=why)
    if decision.reason is Reason.NO_GPUS:
        return Shed(reason=why, retry_after_s=RETRY_S)
    return decision
