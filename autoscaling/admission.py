"""What becomes of a request: let in, made lighter, deferred with a promise, or told to come back.

Everything is decided from a snapshot, so a request that is shed costs nobody anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import Final

from autoscaling.decisions import CLOSED, Admit, Decision, Defer, GateState, Reason, Shed
from autoscaling.gates import NO_SWITCHES, Switches, level_at
from autoscaling.load import Load, apart
from autoscaling.promises import Promise, Stretch, Wish, promise
from autoscaling.rules import Rules
from autoscaling.shedding import SheddingRule, draw, jitter_s, next_draw_in_s, part_aside

ALMOST: Final = 1e-6
HOURS_AHEAD: Final = 24
"""So far is looked for one in which an account is let in."""
NO_GPUS_RETRY_S: Final = 60.0
"""Gangs come up one by one, and nobody knows when: who finds none comes back after this time, or up
to twice as long, so that not all come at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A lighter clip that could be made instead: smaller, or in fewer steps."""

    name: str
    gpu_s: float
    standalone_s: float
    allowed: bool = False
    """Whether the request says that it may be this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as plain numbers."""

    account_id: str
    rank: int
    """Of its tier; 0 is the lowest."""
    gpu_s: float
    standalone_s: float
    """On an idle gang of standard size."""
    model: str = ""
    region: str | None = None
    outstanding: int = 0
    """Unfinished jobs of the account."""
    continuing: bool = False
    """Whether the account made a clip lately (`SheddingRule.session_s`)."""
    own_wait_s: float = 0.0
    """So long it waits for others of its account, however idle the GPUs are."""
    lighter: tuple[Variant, ...] = ()
    accepts_lighter: bool = False
    """Whether it says so at all: then it is judged by its work also as it was asked for."""
    usual_gpu_s: float = 0.0
    """Of the model's usual clip: how much lighter a clip is, is counted from there, so that nobody
    gains by asking for too much. 0: from what was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that requests are decided from: refreshed about once a second, sent to each Gateway."""

    load: Load
    levels: tuple[float, ...]
    """Smoothed saturation by rank."""
    aside: tuple[float, ...]
    """Part of each tier that is turned aside."""
    stretch: Stretch
    rules: Rules
    switches: Switches = NO_SWITCHES
    models: Mapping[str, Load] = field(default_factory=dict)
    """What each model's own gangs have to do, where there are several."""

    def load_of(self, model: str) -> Load:
        """What its clips wait for."""
        return self.models.get(model, self.load)


def decide(request: Request, sight: Situation, now: float) -> Decision:
    """The ladder: at once, lighter at once, later with a promise, lighter later, not now."""
    if refusal := _refused(request, sight, now):
        return refusal
    number = draw(request.account_id, now, sight.rules.shedding.rotation_s)
    counted_gpu_s = request.gpu_s if request.accepts_lighter else inf
    if number >= (part := _part_of(request, sight, counted_gpu_s)):
        return Admit(reason=Reason.OPEN if part == 0 else Reason.DRAWN)
    passing = [each for each in request.lighter if number >= _part_of(request, sight, each.gpu_s)]
    if chosen := next((each for each in passing if each.allowed), None):
        return Admit(reason=Reason.LIGHTER, variant=chosen.name)
    later = _deferred(request, sight, now)
    if isinstance(later, Defer):
        return later
    soon_s = NO_GPUS_RETRY_S * (1 + number)
    return Shed(
        reason=later,
        retry_after_s=soon_s if later is Reason.NO_GPUS else retry_after_s(request, sight, now),
        accepted_now=tuple(each.name for each in passing),
    )


def shuts_out(account_id: str, rank: int, sight: Situation, now: float) -> Shed | None:
    """What becomes of any request of this account, whatever it asks for, where that is clear: all
    of its tier are turned aside, and not even the least clip of any model could be promised. It is
    told of the model that has room first, and of one that is closed only where all are."""
    if sight.aside[rank] < 1:
        return None
    least = Request(account_id=account_id, rank=rank, gpu_s=ALMOST, standalone_s=0.0)
    decided = [decide(replace(least, model=model), sight, now) for model in sight.models or ("",)]
    sheds = [decision for decision in decided if isinstance(decision, Shed)]
    if len(sheds) < len(decided):
        return None
    return min(sheds, key=lambda shed: (shed.reason in CLOSED, shed.retry_after_s))


def gate_state(rank: int, sight: Situation, typical: Wish, model: str = "") -> GateState:
    """What this tier's requests for the model find now: those that are turned aside get a promise,
    or none."""
    if sight.switches.least_rate(rank, sight.rules.tiers) <= 0:
        return GateState.SHEDDING
    if sight.aside[rank] == 0:
        return GateState.OPEN
    later = _promise(typical, rank, sight, 0.0, model)
    return GateState.DEFERRING if isinstance(later, Promise) else GateState.SHEDDING


def retry_after_s(request: Request, sight: Situation, now: float) -> float:
    """Seconds after which this account is let in if the load goes on as it does.

    The level at which its number passes is known, and how fast the work drains beside what the
    tiers above ask for, if nobody of its own tier is let in meanwhile. Whom an operator holds back
    passes once that has ended by itself. Each hour it has another number, and these are known too:
    it is told of the first hour in which it passes, at the level that is then. Where that is none
    within a day, as where everybody is turned aside and nothing drains, it is the next hour, in
    which the load is another or it is told again.
    """
    rule = sight.rules.shedding
    part = _part(replace(request, continuing=False), sight, 1.0)
    starts_s, next_s = 0.0, next_draw_in_s(now, rule.rotation_s)
    hopeless = part >= 1 and _drain_rate(request, sight) <= 0 and not sight.switches.until
    for hour in range(0 if hopeless else HOURS_AHEAD + 1):
        number = draw(request.account_id, now + hour * rule.rotation_s, rule.rotation_s)
        first_s = starts_s + jitter_s(number, rule.rotation_s) if hour else 0.0
        passes_s = first_s if hour and number >= part else _passes_s(number, request, sight, now)
        if (then_s := max(rule.least_retry_s, first_s, passes_s)) < next_s:
            return then_s
        starts_s, next_s = next_s, next_s + rule.rotation_s
    then = now + rule.rotation_s
    spread_s = jitter_s(draw(request.account_id, then, rule.rotation_s), rule.rotation_s)
    return max(rule.least_retry_s, next_draw_in_s(now, rule.rotation_s) + spread_s)


def _drain_rate(request: Request, sight: Situation) -> float:
    """The part of the GPUs that the tiers above leave to it; 0 where its level does not fall. The
    slowest model says, for the fullest one moves the gates."""
    return min(_left_to(request.rank, load) for load in apart(sight.load, sight.models))


def _left_to(rank: int, load: Load) -> float:
    if load.gpus <= 0 or load.offered(rank) > 1:
        return 0.0
    return max(0.0, 1 - load.offered(rank + 1))


def _passes_s(number: float, request: Request, sight: Situation, now: float) -> float:
    """Seconds until somebody with this number passes: no operator holds it back any more, and the
    level has fallen to where it does."""
    tier, gates = sight.rules.tiers[request.rank], sight.rules.gates
    held_until = sight.switches.lets_pass_at(number, request.rank, sight.rules.tiers)
    above = sight.levels[request.rank] - level_at(number, tier, gates)
    if held_until > now and above <= 0:
        return held_until - now
    rule, rate = sight.rules.saturation, _drain_rate(request, sight)
    drained_s = above * rule.drain_target_s / rate + rule.smoothing_s if rate > 0 else inf
    return max(0.0, held_until - now, drained_s)


def _refused(request: Request, sight: Situation, now: float) -> Shed | None:
    """What no gate has a say in. Who is closed by an operator gets no promise either."""
    switches, tiers = sight.switches, sight.rules.tiers
    shedding = sight.rules.shedding
    if switches.least_rate(request.rank, tiers) <= 0:
        number = draw(request.account_id, now, shedding.rotation_s)
        ends_at = switches.lets_pass_at(number, request.rank, tiers)
        return _closed(Reason.TIER_CLOSED, ends_at, shedding, now)
    if request.model in switches.closed_models:
        ends_at = switches.ends_at("model", request.model)
        return _closed(Reason.MODEL_CLOSED, ends_at, shedding, now)
    if request.region in switches.closed_regions:
        ends_at = switches.ends_at("region", request.region)
        return _closed(Reason.REGION_CLOSED, ends_at, shedding, now)
    if request.outstanding >= sight.rules.tiers[request.rank].max_outstanding:
        busy_s = request.standalone_s
        if sight.load.gpus > 0:
            busy_s += sight.load.drain_s() / max(1, request.outstanding)
        return Shed(reason=Reason.ACCOUNT_FULL, retry_after_s=max(shedding.least_retry_s, busy_s))
    return None


def _closed(reason: Reason, ends_at: float, rule: SheddingRule, now: float) -> Shed:
    """Until the switch ends by itself; for one that does not, until somebody may have ended it."""
    wait_s = ends_at - now if ends_at < inf else rule.closed_retry_s
    return Shed(reason=reason, retry_after_s=max(rule.least_retry_s, wait_s))


def _part(request: Request, sight: Situation, lighter: float) -> float:
    return part_aside(
        sight.aside, request.rank, continuing=request.continuing, lighter=min(1.0, lighter)
    )


def _part_of(request: Request, sight: Situation, gpu_s: float) -> float:
    """The same for a clip of so much work, in whatever way it has come to be so light."""
    usual_gpu_s = request.usual_gpu_s or request.gpu_s
    return _part(request, sight, gpu_s / max(usual_gpu_s, ALMOST))


def _deferred(request: Request, sight: Situation, now: float) -> Defer | Reason:
    """As it was asked for, or else the first lighter one that can be promised."""
    whole = Variant(name="", gpu_s=request.gpu_s, standalone_s=request.standalone_s, allowed=True)
    why = Reason.NO_PROMISES
    for variant in (whole, *(each for each in request.lighter if each.allowed)):
        wish = Wish(
            gpu_s=variant.gpu_s, standalone_s=variant.standalone_s, own_wait_s=request.own_wait_s
        )
        later = _promise(wish, request.rank, sight, now, request.model)
        if isinstance(later, Promise):
            return Defer(
                reason=Reason.BUSY,
                finish_by=later.finish_by,
                predicted_s=later.predicted_s,
                variant=variant.name or None,
            )
        why = later
    return why


def _promise(wish: Wish, rank: int, sight: Situation, now: float, model: str) -> Promise | Reason:
    return promise(
        wish,
        rank,
        load=sight.load_of(model),
        tiers=sight.rules.tiers,
        stretch=sight.stretch,
        rule=sight.rules.promises,
        now=now,
    )
