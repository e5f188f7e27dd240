"""Encoders and decoders tell the Scheduler how they do, whether it listens or not."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from ray import serve as ray_serve

from serve.messages import StageReport
from serve.replicas.stage_reports import StageReports
from tests.unit.serve.attempts.scene import until


class Listener:
    """The Scheduler's handle; while it is away, every call fails."""

    def __init__(self) -> None:
        self.heard: list[StageReport] = []
        self.tries = 0
        self.away = False
        self.told = self

    async def remote(self, report: StageReport) -> None:
        self.tries += 1
        if self.away:
            raise ConnectionError
        self.heard.append(report)


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Listener:
    made = Listener()
    context = SimpleNamespace(replica_id=SimpleNamespace(unique_id="one"))
    monkeypatch.setattr(ray_serve, "get_replica_context", lambda: context)
    monkeypatch.setattr(ray_serve, "get_deployment_handle", lambda _: made)
    return made


def end(reports: Any) -> None:
    for task in reports._tasks:
        task.cancel()


async def test_what_it_is_busy_with_is_told(listener: Listener) -> None:
    reports = StageReports("m", "decode", began=0.0, every_s=0.001)
    await until(lambda: bool(listener.heard))
    with reports.at_work(), reports.at_work():
        await until(lambda: listener.heard[-1].at_work == 2)
    await until(lambda: listener.heard[-1].at_work == 0)
    end(reports)
    told = listener.heard[-1]
    assert (told.replica, told.model, told.stage) == ("one", "m", "decode")


async def test_a_scheduler_that_is_away_is_told_when_it_is_back(listener: Listener) -> None:
    listener.away = True
    reports = StageReports("m", "encode", began=0.0, every_s=0.001)
    await until(lambda: listener.tries > 3)
    listener.away = False
    await until(lambda: bool(listener.heard))
    assert not any(task.done() for task in reports._tasks[1:])
    end(reports)
    await asyncio.gather(*reports._tasks, return_exceptions=True)
