"""What was asked for is counted once, is never lost, and is nobody's name."""

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from autoscaling.decisions import Admit, Decision, Defer, Reason, Shed
from autoscaling.rules import Rules
from pipelines.cost import StageCosts
from pipelines.spec import ClipRequest
from serve.gateway.admission import demand as module
from serve.gateway.admission.demand import Demand, hand_over
from serve.gateway.admission.door import Verdict
from serve.gateway.admission.pricing import Asked
from serve.gateway.parts import ServedModel
from serve.gateway.requests.bodies import VideoRequest
from serve.messages import Answered
from serve.settings.accounts import Limits
from tests.limits import TINY_LIMITS
from tests.unit.serve.gateway.conftest import JOB

COSTS = StageCosts(encode_s=0.0, denoise_s=2.0, decode_s=0.0)
RULES = Rules()
SHED = Shed(reason=Reason.TOO_MUCH, retry_after_s=100.0)
LET_IN = Admit(reason=Reason.OPEN)
LATER = Defer(reason=Reason.BUSY, finish_by=9.0, predicted_s=1.0)


def verdict(
    decision: Decision, *, at: float = 0.0, digest: str = "a", who: str = "ann", tier: str = "new"
) -> Verdict:
    asked = Asked(
        request=VideoRequest(clip=ClipRequest(prompt="x"), model=None, image=None, digest=digest),
        model=ServedModel(name="tiny", limits=TINY_LIMITS, costs=lambda _: COSTS),
        limits=Limits(),
        job=replace(JOB, account_id=who, tier=tier),
        costs=COSTS,
    )
    return Verdict(
        decision=decision, whole=asked, asked=asked, lighter=(), state="open", text="", at=at
    )


def counted(demand: Demand) -> dict[tuple[str, str, str], tuple[int, float]]:
    return {
        (each.tier, each.outcome, each.reason): (each.requests, each.gpu_s)
        for each in demand.take()
    }


@pytest.fixture
def demand() -> Demand:
    return Demand(RULES)


def test_each_way_is_counted_apart(demand: Demand) -> None:
    for number, decision in enumerate((SHED, SHED, LET_IN, LATER)):
        demand.answered(verdict(decision, digest=str(number)))
    demand.answered(verdict(LET_IN, tier="of old"))
    assert counted(demand) == {
        ("new", "shed", "promises_full"): (2, 4.0),
        ("new", "admitted", "gate_open"): (2, 4.0),
        ("new", "deferred", "tier_busy"): (1, 2.0),
    }
    assert demand.take() == []


def test_who_comes_back_as_told_asks_for_nothing_more(demand: Demand) -> None:
    demand.answered(verdict(SHED, at=0.0))
    demand.answered(verdict(SHED, at=100.0))
    demand.answered(verdict(LET_IN, at=240.0))
    assert counted(demand) == {
        ("new", "shed", "promises_full"): (2, 2.0),
        ("new", "admitted", "gate_open"): (1, 0.0),
    }
    demand.answered(verdict(LET_IN, at=241.0))
    assert counted(demand) == {("new", "admitted", "gate_open"): (1, 2.0)}


@pytest.mark.parametrize("other", [{"digest": "b"}, {"who": "bob"}, {"at": 151.0}])
def test_what_is_not_known_to_be_the_same_is_counted(
    demand: Demand, other: dict[str, str | float]
) -> None:
    demand.answered(verdict(SHED))
    demand.answered(verdict(SHED, **other))  # type: ignore[arg-type]
    assert counted(demand) == {("new", "shed", "promises_full"): (2, 4.0)}


def test_only_so_many_are_remembered(demand: Demand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_REMEMBERED", 2)
    for digest in "abca":
        demand.answered(verdict(SHED, digest=digest))
    assert counted(demand) == {("new", "shed", "promises_full"): (4, 8.0)}


def test_who_comes_back_after_the_period_counts_again(demand: Demand) -> None:
    """Its first time is in the offered load no more, and it still wants its clip."""
    for hour in range(4):
        demand.answered(verdict(replace(SHED, retry_after_s=3_600.0), at=3_601.0 * hour))
    assert counted(demand) == {("new", "shed", "promises_full"): (4, 8.0)}


def test_who_never_stops_asking_counts_once_a_period(demand: Demand) -> None:
    for second in range(1_200):
        demand.answered(verdict(SHED, at=float(second)))
    assert RULES.meters.offered_s == 600.0
    assert counted(demand) == {("new", "shed", "promises_full"): (1_200, 4.0)}


def test_one_account_asks_for_no_more_than_it_could_have(demand: Demand) -> None:
    most = RULES.tiers[0].max_outstanding
    for number in range(200):
        demand.answered(verdict(SHED, digest=str(number)))
    [answered] = demand.take()
    assert (answered.requests, answered.counted, answered.gpu_s) == (200, most, 2.0 * most)
    demand.answered(verdict(SHED, digest="later", at=RULES.meters.offered_s))
    demand.answered(verdict(SHED, digest="another's", who="bob"))
    assert counted(demand) == {("new", "shed", "promises_full"): (2, 4.0)}


@pytest.mark.parametrize("why", [Reason.TIER_CLOSED, Reason.MODEL_CLOSED, Reason.REGION_CLOSED])
def test_what_an_operator_closed_is_no_demand(demand: Demand, why: Reason) -> None:
    demand.answered(verdict(Shed(reason=why, retry_after_s=3_600.0)))
    [answered] = demand.take()
    assert (answered.requests, answered.counted, answered.gpu_s) == (1, 0, 0.0)


@dataclass(slots=True)
class Line:
    """A link to a Scheduler that may be deaf, or slow to answer: what it hears it has heard."""

    deaf: bool = False
    heard: list[list[Answered]] = field(default_factory=list)
    answers: asyncio.Event | None = None

    async def report(self, answered: list[Answered]) -> None:
        if self.deaf:
            raise ConnectionError
        self.heard.append(answered)
        if self.answers is not None:
            await self.answers.wait()


async def test_what_cannot_be_handed_over_is_kept(demand: Demand) -> None:
    line = Line(deaf=True)
    demand.answered(verdict(LET_IN, digest="a"))
    await hand_over(demand, line)  # type: ignore[arg-type]
    demand.answered(verdict(LET_IN, digest="b"))
    line.deaf = False
    await hand_over(demand, line)  # type: ignore[arg-type]
    await hand_over(demand, line)  # type: ignore[arg-type]
    [[answered]] = line.heard
    assert (answered.requests, answered.gpu_s) == (2, 4.0)


async def test_what_is_heard_late_is_counted_once(
    demand: Demand, monkeypatch: pytest.MonkeyPatch
) -> None:
    line, loop = Line(answers=asyncio.Event()), asyncio.get_running_loop()
    demand.answered(verdict(LET_IN))
    handing = loop.create_task(hand_over(demand, line))  # type: ignore[arg-type]
    while not line.heard:
        await asyncio.sleep(0)
    half_a_minute_later = loop.time() + 30.0
    monkeypatch.setattr(loop, "time", lambda: half_a_minute_later)
    for _ in range(10):
        await asyncio.sleep(0)
    assert not handing.done()
    line.answers.set()  # type: ignore[union-attr]
    await handing
    assert demand.take() == []


def test_who_is_shed_more_often_than_it_could_have_jobs_floods(demand: Demand) -> None:
    """Whether it asks for the same again and again or for something else each time."""
    most = RULES.tiers[0].max_outstanding
    for digest in ("same", None):
        who = f"{digest} person"
        for number in range(most + 1):
            assert demand.floods(who, 10.0) is None
            demand.answered(verdict(SHED, at=10.0, who=who, digest=digest or str(number)))
        over = 10.0 + RULES.meters.offered_s
        assert demand.floods(who, over - 1.0) == JOB.model
        assert demand.floods(who, over) is None
    assert demand.floods("ann", 10.0) is None
    asked = counted(demand)[("new", "shed", "promises_full")]
    assert asked == (2 * (most + 1), 2.0 * (1 + most))
    demand.unread(SHED, JOB.model, "new")
    assert counted(demand) == {("new", "shed", "promises_full"): (1, 0.0)}


def test_after_the_clock_was_set_back_nobody_is_remembered_for_longer(demand: Demand) -> None:
    most = RULES.tiers[0].max_outstanding
    for _ in range(most + 1):
        demand.answered(verdict(SHED, at=3_600.0))
    assert demand.floods("ann", 3_600.0) == JOB.model
    demand.take()
    assert demand.floods("ann", 0.0) is None
    for number in range(most):
        demand.answered(verdict(SHED, at=0.0, digest="a" if number == 0 else str(number)))
    assert counted(demand) == {("new", "shed", "promises_full"): (most, 2.0 * most)}
    assert demand.floods("ann", 0.0) is None
