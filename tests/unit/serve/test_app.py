"""Starting and stopping: a signal counts at any time, and nothing keeps the end from its work."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray
from ray import serve as ray_serve

from serve import app
from serve.service import ServiceError
from serve.settings import Settings
from serve.settings.replicas import Gangs
from serve.settings.sections import Http, Model


@pytest.fixture(autouse=True)
def _own_handlers() -> Iterator[None]:
    """The handlers as they were, after each test."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def settings(tmp_path: Path, closed_port: int) -> Settings:
    return Settings(data_dir=tmp_path, http=Http(port=closed_port))


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each end of the service; everything before the start is taken for done."""
    ends: list[str] = []

    async def prepared(_: Settings) -> bool:
        return True

    monkeypatch.setattr(app, "prepare_stores", prepared)
    monkeypatch.setattr(app, "settled", lambda settings, _: settings)
    monkeypatch.setattr(app, "_stop", lambda: ends.append("stopped"))
    return ends


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_start_that_takes_long(
    settings: Settings, stopped: list[str], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def start(*_: object) -> str:
        os.kill(os.getpid(), number)
        time.sleep(60)
        raise AssertionError("the start went on")

    monkeypatch.setattr(app, "_start", start)
    app.run(settings)
    assert stopped == ["stopped"]


def test_a_second_signal_does_not_break_off_the_end(
    settings: Settings, stopped: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        stopped.append("to its end")

    monkeypatch.setattr(app, "_start", lambda *_: "logs")
    monkeypatch.setattr(app, "_stop", stop)
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.1, lambda: signal.pthread_kill(main, signal.SIGTERM))
    timer.start()
    app.run(settings)
    timer.join()
    assert stopped == ["to its end"]


def test_what_fails_at_the_start_is_cleared_away_and_said(
    settings: Settings, stopped: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(*_: object) -> str:
        raise ServiceError("too few GPUs")

    monkeypatch.setattr(app, "_start", start)
    with pytest.raises(ServiceError, match="too few GPUs"):
        app.run(settings)
    assert stopped == ["stopped"]


def test_children_are_ended_even_if_ray_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("the controller is gone")

    ended: list[str] = []
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    monkeypatch.setattr(ray_serve, "shutdown", fail)
    monkeypatch.setattr(app, "end_children", lambda: ended.append("children"))
    with pytest.raises(RuntimeError):
        app._stop()
    assert ended == ["children"]


def test_each_shape_is_a_deployment(tmp_path: Path) -> None:
    gangs = (Gangs(tp=2, cfg=2, min=3), Gangs())
    settings = Settings(data_dir=tmp_path, models=(Model(name="m", gangs=gangs),))
    stages = app._stages({}, settings.models[0], settings, app.STAGES)
    assert set(stages["denoisers"]) == {"tp2-cfg2", "1"}
