"""At the door: what becomes of a priced request, decided in memory from the latest snapshot."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from starlette.requests import Request as HttpRequest

from autoscaling.admission import (
    Request,
    Situation,
    Variant,
    decide,
    gate_state,
    shuts_out,
)
from autoscaling.decisions import CLOSED, Decision, Defer, Reason, Shed
from autoscaling.explain import explain
from autoscaling.gates import NO_SWITCHES, Switches
from autoscaling.promises import Wish
from autoscaling.unseen import decide_unseen
from serve.accounts.account import Principal
from serve.gateway.admission.pricing import Asked, Pricing
from serve.gateway.admission.since import Since, Taken
from serve.gateway.gate import State
from serve.gateway.lighter import name_of, ways_of
from serve.gateway.parts import GatewayParts
from serve.gateway.requests.bodies import VideoRequest
from serve.jobs.job import Job, Note

SHED_BY_THE_GATE: Final = frozenset(
    {Reason.TOO_FAR, Reason.TOO_MUCH, Reason.NO_PROMISES, Reason.NO_GPUS}
)
HOW: Final = " Repeat the request with `accept_lighter` to get one."


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A decision, in words and with all that it came from."""

    decision: Decision
    whole: Asked
    """As it was asked for."""
    asked: Asked
    """The same, or the lighter clip that it becomes."""
    lighter: tuple[Asked, ...]
    """What would be let in at once, where the whole is not."""
    state: State
    text: str
    at: float

    @property
    def became_lighter(self) -> bool:
        return not isinstance(self.decision, Shed) and self.decision.variant is not None

    @property
    def job(self) -> Job:
        """What is stored of it: with its promise, and the first line of its history."""
        decision, job = self.decision, self.asked.job
        later = isinstance(decision, Defer)
        note = Note(
            at=self.at,
            what="deferred" if later else "admitted",
            reason=decision.reason.value,
            text=self.text,
        )
        if isinstance(decision, Defer):
            job = replace(
                job, promised_by=decision.finish_by, predicted_wait_s=decision.predicted_s
            )
        return replace(job, history=(note,))


def ask_at_the_door(http: HttpRequest, caller: Principal, request: VideoRequest) -> Verdict:
    """Price a request and decide about it; raises `ApiError` or `SpecError`."""
    pricing: Pricing = http.app.state.pricing
    door: Door = http.app.state.door
    return door.ask(caller, pricing.priced(caller, request))


class Door:
    """Asks nobody. While no fresh snapshot is there, paid requests go on and all others wait; what
    an operator had closed before stays closed, unless that was to end by itself by now."""

    def __init__(self, parts: GatewayParts, pricing: Pricing) -> None:
        self._parts = parts
        self._pricing = pricing
        self._policy = parts.policy
        self._switches: Switches = NO_SWITCHES
        self._since = Since(parts.http.gateways)

    def ask(self, caller: Principal, asked: Asked, own_wait_s: float = 0.0) -> Verdict:
        """What becomes of the request if it comes now; so long it waits for others of its account,
        whatever room there is."""
        now = self._parts.now()
        sight, is_recent = self._sight(caller)
        rank = self._policy.tiers.rank(caller.tier)
        variants = self._lighter(asked, rank, sight)
        judged = variants or asked.request.accept_lighter
        request = Request(
            account_id=caller.account_id,
            rank=rank,
            gpu_s=asked.job.predicted_gpu_s,
            standalone_s=asked.standalone_s,
            model=asked.model.name,
            region=caller.account.region,
            continuing=is_recent,
            own_wait_s=own_wait_s,
            lighter=_variants(asked, variants),
            accepts_lighter=bool(asked.request.accept_lighter),
            usual_gpu_s=self._pricing.usual_gpu_s(asked) if judged else 0.0,
        )
        decision = self._decide(request, sight, now)
        named = {name_of(each.job.spec): each for each in variants}
        chosen, text = asked, explain(decision, caller.tier, now)
        passing: tuple[Asked, ...] = ()
        if isinstance(decision, Shed):
            passing = tuple(named[name] for name in decision.accepted_now)
            text += HOW if passing else ""
        elif decision.variant is not None:
            chosen = named[decision.variant]
        return Verdict(
            decision=decision,
            whole=asked,
            asked=chosen,
            lighter=passing,
            state=_state(request, decision, sight),
            text=text,
            at=now,
        )

    def shuts_out(self, caller: Principal) -> Shed | None:
        """The answer to whatever the caller asks for, where that is clear before it is read."""
        sight, _ = self._sight(caller)
        if sight is None or sight.load.gpus <= 0:
            return None
        rank = self._policy.tiers.rank(caller.tier)
        return shuts_out(caller.account_id, rank, sight, self._parts.now())

    @contextmanager
    def taking(self, verdict: Verdict) -> Iterator[Callable[[], None]]:
        """While a job is stored, and until the Scheduler has seen it, others are decided as if it
        were there. What is called back, or ends in an error, is forgotten; a client who hangs up
        does not stop the storing."""
        taken = Taken(
            model=verdict.asked.model.name,
            rank=self._policy.tiers.rank(verdict.asked.job.tier),
            gpu_s=verdict.asked.job.predicted_gpu_s,
            promised=isinstance(verdict.decision, Defer),
        )
        self._since.take(taken)
        try:
            yield lambda: self._since.take_back(taken)
        except Exception:
            self._since.take_back(taken)
            raise

    def _lighter(self, asked: Asked, rank: int, sight: Situation | None) -> tuple[Asked, ...]:
        """None where nobody is turned aside; and where all are, those only that may be deferred."""
        part = sight.aside[rank] if sight is not None else 0.0
        if part <= 0 or (part >= 1 and not asked.request.accept_lighter):
            return ()
        return self._pricing.lighter(asked)

    def _sight(self, caller: Principal) -> tuple[Situation | None, bool]:
        """The situation, if it is known, and whether the account is in the middle of something."""
        snapshot = self._parts.link.snapshot()
        if snapshot is None or snapshot.situation is None:
            return None, False
        sight = snapshot.situation
        self._policy, self._switches = sight.rules, sight.switches
        return self._since.sight(sight), caller.account_id in snapshot.recent_accounts

    def _decide(self, request: Request, sight: Situation | None, now: float) -> Decision:
        if sight is None:
            return decide_unseen(request, self._policy, self._switches.at(now), now)
        if sight.load.gpus <= 0 and self._policy.tiers[request.rank].paid:
            why = Reason.NO_GPUS
            return decide_unseen(request, self._policy, self._switches.at(now), now, why=why)
        return decide(request, sight, now)


def _variants(asked: Asked, lighter: Sequence[Asked]) -> tuple[Variant, ...]:
    allowed = asked.request.accept_lighter
    return tuple(
        Variant(
            name=name_of(each.job.spec),
            gpu_s=each.job.predicted_gpu_s,
            standalone_s=each.standalone_s,
            allowed=ways_of(each.job.spec, asked.job.spec) <= allowed,
        )
        for each in lighter
    )


def _state(request: Request, decision: Decision, sight: Situation | None) -> State:
    if decision.reason in CLOSED:
        return "closed"
    if sight is None:
        return "unknown"
    if isinstance(decision, Defer):
        return "deferring"
    if decision.reason in SHED_BY_THE_GATE:
        return "shedding"
    typical = Wish(gpu_s=request.gpu_s, standalone_s=request.standalone_s)
    return gate_state(request.rank, sight, typical, request.model).value
