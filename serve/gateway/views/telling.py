"""Verdicts as the API tells them: a refusal with what would help, or what would become of one."""

from typing import Final

from pydantic import BaseModel

from autoscaling.decisions import CLOSED, Defer, Reason, Shed
from autoscaling.explain import explain
from serve.gateway.admission.demand import Outcome, outcome_of
from serve.gateway.admission.door import Verdict
from serve.gateway.admission.pricing import Asked
from serve.gateway.errors import ApiError, retry_after
from serve.gateway.gate import Gate, LighterClip, State
from serve.gateway.lighter import WAYS, ways_of

NOT_FOR_LOAD: Final = CLOSED | {Reason.AWAY, Reason.NO_GPUS}
"""Answered 503: closed, or nobody knows; all else is 429, too much at once."""


class Prospect(BaseModel):
    """What would become of a request now. `ready_by` is the promise of a deferred one, `retry_at`
    when a shed one should pass, both in Unix seconds; `made_as` is what an admitted or deferred one
    would become, where that is lighter than asked."""

    outcome: Outcome
    reason: str
    text: str
    gate: State
    ready_by: int | None
    retry_at: int | None
    made_as: LighterClip | None
    accepted_now: list[LighterClip]


def prospect_of(verdict: Verdict) -> Prospect:
    """For who asks beforehand."""
    decision = verdict.decision
    return Prospect(
        outcome=outcome_of(verdict),
        reason=decision.reason.value,
        text=verdict.text,
        gate=verdict.state,
        ready_by=int(decision.finish_by) if isinstance(decision, Defer) else None,
        retry_at=_retry_at(verdict, decision) if isinstance(decision, Shed) else None,
        made_as=_lighter(verdict.whole, verdict.asked) if verdict.became_lighter else None,
        accepted_now=_accepted_now(verdict),
    )


def refusal_of(verdict: Verdict) -> ApiError:
    """The answer to a request that is shed."""
    decision = verdict.decision
    assert isinstance(decision, Shed)
    gate = Gate(
        tier=verdict.asked.job.tier,
        state=verdict.state,
        retry_at=_retry_at(verdict, decision),
        accepted_now=_accepted_now(verdict),
    )
    return _refusal(decision, verdict.text, gate)


def unread_refusal(shed: Shed, tier: str, now: float) -> ApiError:
    """The answer to a request of which only is known who sent it."""
    gate = Gate(
        tier=tier,
        state="closed" if shed.reason in CLOSED else "shedding",
        retry_at=int(now + shed.retry_after_s) + 1,
        accepted_now=[],
    )
    return _refusal(shed, explain(shed, tier, now), gate)


def _refusal(shed: Shed, text: str, gate: Gate) -> ApiError:
    status = 503 if shed.reason in NOT_FOR_LOAD else 429
    headers = retry_after(shed.retry_after_s)
    return ApiError(status, shed.reason.value, text, headers=headers, gate=gate)


def _retry_at(verdict: Verdict, shed: Shed) -> int:
    return int(verdict.at + shed.retry_after_s) + 1


def _accepted_now(verdict: Verdict) -> list[LighterClip]:
    """The dearest for each `accept_lighter` is what would be made of the request."""
    found: list[LighterClip] = []
    for each in verdict.lighter:
        lighter = _lighter(verdict.whole, each)
        if not any(set(one.accept_lighter) <= set(lighter.accept_lighter) for one in found):
            found.append(lighter)
    return found


def _lighter(whole: Asked, asked: Asked) -> LighterClip:
    spec = asked.job.spec
    ways = ways_of(spec, whole.job.spec)
    return LighterClip(
        accept_lighter=[way for way in WAYS if way in ways],
        size=f"{spec.width}x{spec.height}",
        num_inference_steps=spec.steps,
    )
