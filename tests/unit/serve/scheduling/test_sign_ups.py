"""The sign-up gate's rounds: the waitlist is shown what is seen, once anything is seen."""

from dataclasses import replace

import pytest

from autoscaling.admission import Situation
from autoscaling.gates import Switches
from autoscaling.newcomers import SignUps
from autoscaling.promises import Stretch
from autoscaling.rules import Rules as Policy
from serve.accounts.calling import Looked
from serve.accounts.newcomer import Room, room_of
from serve.accounts.rules import Rules, rules_of
from serve.scheduling.sign_ups import SignUpGate
from serve.settings import Settings
from tests.unit.autoscaling.loads import NUM_TIERS, load_of

RULES = rules_of(Settings.from_values({}))
ROOM = Room(load=load_of(), level=0.25, mean_gpu_s=150.0)
SIGHT = Situation(
    load=load_of(),
    levels=(0.5,) * NUM_TIERS,
    aside=(0.0,) * NUM_TIERS,
    stretch=Stretch(),
    rules=Policy(),
)


class List:
    """A waitlist that notes what it is shown."""

    def __init__(self) -> None:
        self.seen: list[tuple[Room, int, float]] = []

    async def look(self, room: Room, rules: Rules, epoch: int, now: float) -> Looked | None:
        self.seen.append((room, epoch, now))
        return Looked(sign_ups=SignUps.first(now), called=("place_1",), waiting=4)


async def test_a_round_shows_the_list_what_is_seen(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    waitlist = List()
    gate = SignUpGate(waitlist, rules=RULES, epoch=7, room=lambda: ROOM, clock=lambda: 1_000.5)
    await gate.look()
    assert waitlist.seen == [(ROOM, 7, 1_000.5)]
    assert gate.last is not None
    assert gate.last.waiting == 4
    assert "called 1 of the waitlist, 4 still wait" in caplog.text


async def test_nobody_is_called_before_anything_is_known() -> None:
    waitlist = List()
    gate = SignUpGate(waitlist, rules=RULES, epoch=7, room=lambda: None, clock=lambda: 1_000.5)
    await gate.look()
    assert waitlist.seen == []


def test_a_closed_tier_counts_as_overload() -> None:
    assert room_of(SIGHT, 0, 150.0) == Room(load=load_of(), level=0.5, mean_gpu_s=150.0)
    for switches in (Switches(rates={"new": 0.0}), Switches(everybody=0.0)):
        assert room_of(replace(SIGHT, switches=switches), 0, 150.0).level == float("inf")
