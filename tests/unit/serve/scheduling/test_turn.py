"""Two clusters on one database do not take the jobs from each other all the time."""

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from serve.attempts.attempt import StageHandles
from serve.jobs.gate_status import GATE
from serve.jobs.sql_store import open_store
from serve.jobs.store import Ledger
from serve.jobs.upgrade import migrate
from serve.scheduling import turn
from serve.scheduling.turn import GONE_AFTER_S, gangs_of, take_turn
from serve.settings import Settings
from serve.settings.replicas import Gangs
from serve.settings.sections import Model

OLD, NEW = 100.0, 200.0


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn, "LOOK_EVERY_S", 0.001)


@pytest.fixture
async def ledger() -> Ledger:
    store = open_store("sqlite+aiosqlite://")
    await migrate(store.engines)
    return store


async def at_once() -> None:
    pass


async def never() -> None:
    await asyncio.Event().wait()


async def tells(ledger: Ledger, epoch: int, *, behind_s: float = 0.0) -> None:
    """What the Scheduler of this epoch does every two seconds, by a clock that may be behind."""
    await ledger.remember(GATE, {"at": time.time() - behind_s}, epoch, time.time())


async def stands_by(ledger: Ledger, born_at: float, gangs_up: Any) -> None:
    waiting = asyncio.create_task(take_turn(ledger, born_at, gangs_up))
    done, _ = await asyncio.wait([waiting], timeout=0.1)
    assert not done
    waiting.cancel()


class Clock:
    """Half a second goes by between two looks at it."""

    def __init__(self) -> None:
        self.at = 1_000.0
        self.looks = 0

    def __call__(self) -> float:
        self.looks += 1
        self.at += 0.5
        return self.at


async def test_a_clusters_own_schedulers_follow_each_other_at_once(ledger: Ledger) -> None:
    await tells(ledger, await take_turn(ledger, OLD, never))
    assert await take_turn(ledger, OLD, never) == 2


async def test_a_newer_cluster_takes_over_once_its_gangs_are_up(ledger: Ledger) -> None:
    await tells(ledger, await take_turn(ledger, OLD, never))
    await stands_by(ledger, NEW, never)
    assert await take_turn(ledger, NEW, at_once) == 2


async def test_an_older_cluster_stands_by_until_the_newer_one_is_gone(ledger: Ledger) -> None:
    await tells(ledger, await take_turn(ledger, NEW, at_once))
    await stands_by(ledger, OLD, at_once)
    clock = Clock()
    assert await take_turn(ledger, OLD, never, clock=clock) == 2
    assert clock.looks == 2 * GONE_AFTER_S + 2


@pytest.mark.parametrize("born_at", [OLD, NEW + 1])
async def test_a_clock_that_was_set_back_is_waited_for_no_longer(
    ledger: Ledger, born_at: float
) -> None:
    """What was told before the restart, or the cluster that was there, may lie in the future."""
    await tells(ledger, await take_turn(ledger, NEW, at_once), behind_s=-3_600.0)
    clock = Clock()
    assert await take_turn(ledger, born_at, never, clock=clock) == 2
    assert clock.at <= 1_001.0 + GONE_AFTER_S


async def test_a_cluster_whose_clock_is_behind_is_still_there(ledger: Ledger) -> None:
    await tells(ledger, await take_turn(ledger, NEW, at_once), behind_s=60.0)
    clock, told_at = Clock(), 0.0
    waiting = asyncio.create_task(take_turn(ledger, OLD, at_once, clock=clock))
    while clock.at < 1_000.0 + 3 * GONE_AFTER_S:
        await asyncio.sleep(0)
        if clock.at >= told_at + 2.0:
            await tells(ledger, 1, behind_s=60.0)
            told_at = clock.at
    assert not waiting.done()
    waiting.cancel()


async def test_gangs_are_up_when_each_model_that_is_awake_has_one() -> None:
    asked: list[str] = []

    class Handle:
        def __init__(self, name: str, failures: int = 0) -> None:
            self.failures = failures
            self.check_health = SimpleNamespace(remote=self.remote)
            self.name = name

        async def remote(self) -> None:
            asked.append(self.name)
            self.failures -= 1
            if self.failures >= 0:
                raise RuntimeError("it died while it was loading")

    def stages(**denoisers: Handle) -> StageHandles:
        return StageHandles(encoder=None, denoisers=denoisers, decoder=None)

    settings = Settings(
        data_dir=Path("unused"),
        models=(
            Model(name="a", gangs=(Gangs(tp=4, min=0), Gangs(tp=2))),
            Model(name="sleeps", may_sleep=True, gangs=(Gangs(min=0),)),
        ),
    )
    up = gangs_of(settings, {"a": stages(tp4=Handle("a4"), tp2=Handle("a2", failures=1))})
    await turn._until_up(up)
    assert asked == ["a2", "a2"]
