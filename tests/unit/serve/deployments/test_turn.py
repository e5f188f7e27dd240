"""Two clusters on one database do not take the jobs from each other all the time."""

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from serve.deployments import turn
from serve.deployments.attempt import StageHandles
from serve.deployments.turn import GONE_AFTER_S, gangs_of, take_turn
from serve.jobs.gate_status import GATE
from serve.jobs.sql_store import open_store
from serve.jobs.store import Ledger
from serve.jobs.upgrade import migrate
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


async def tells(ledger: Ledger, epoch: int, *, ago_s: float = 0.0) -> None:
    """What the Scheduler of this epoch does every two seconds."""
    await ledger.remember(GATE, {"at": time.time() - ago_s}, epoch, time.time())


async def stands_by(ledger: Ledger, born_at: float, gangs_up: Any) -> None:
    waiting = asyncio.create_task(take_turn(ledger, born_at, gangs_up))
    done, _ = await asyncio.wait([waiting], timeout=0.1)
    assert not done
    waiting.cancel()


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
    await tells(ledger, 1, ago_s=GONE_AFTER_S + 1)
    assert await take_turn(ledger, OLD, never) == 2


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
