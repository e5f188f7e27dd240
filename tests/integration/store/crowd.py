"""Newcomers for the tests of sign-ups: those who get in, and those who wait."""

from dataclasses import replace

from autoscaling.load import TierLoad
from serve.accounts.newcomer import Opened, Place, Room, SignUp
from serve.accounts.newcomers import Newcomers
from serve.accounts.rules import Door, Rules, rules_of
from serve.jobs.sql_store import SqlJobStore
from serve.jobs.switch import Kind, Switch
from serve.settings import Settings
from tests.unit.autoscaling.loads import load_of

DOOR = Door(gate=True, burst=2, max_waiting=4, claim_within_s=100.0)
RULES = replace(rules_of(Settings.from_values({})), signup=True, door=DOOR)
ROOM = Room(load=load_of(), level=0.0, mean_gpu_s=150.0)
"""Sixteen idle GPUs bear a new account every 50 seconds or so."""
FULL = Room(load=load_of(new=TierLoad(sustained_gpu_s_per_s=16.0)), level=2.0, mean_gpu_s=150.0)
T = 1_000.0


def door(**changes: object) -> Rules:
    return replace(RULES, door=replace(DOOR, **changes))  # type: ignore[arg-type]


async def opened(newcomers: Newcomers, name: str, now: float = T) -> Opened:
    found = await newcomers.sign_up(SignUp(name=name), RULES, now)
    assert isinstance(found, Opened)
    return found


async def waits(newcomers: Newcomers, name: str, now: float = T, **asked: str) -> Place:
    found = await newcomers.sign_up(SignUp(name=name, **asked), RULES, now)
    assert isinstance(found, Place)
    return found


async def full(newcomers: Newcomers) -> None:
    """Take the entries that there are from the start."""
    for name in ("first", "second"):
        await opened(newcomers, name)


async def close_region(store: SqlJobStore, name: str, kind: Kind = Kind.SIGN_UPS) -> None:
    await store.set_switch(Switch(kind=kind, name=name, rate=0.0, who="ann", at=T))


async def called(newcomers: Newcomers, name: str) -> Place:
    """A place that an operator has called."""
    place = await waits(newcomers, name, T + 1)
    assert await newcomers.call(1, who="op@desk", now=T + 10) == [name]
    return place
