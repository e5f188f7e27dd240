"""A gang that is loading is watched as well: Serve would wait for it for ever."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from pipelines.parallel.group import RankGroup
from pipelines.parallel.shape import GangShape
from serve.replicas import gang as module
from serve.replicas.device_thread import DeviceThread
from serve.replicas.gang import start_gang
from serve.replicas.rank import Rank
from serve.settings.replicas import Replicas
from serve.settings.sections import GangCare
from tests.unit.serve.replicas.test_rank import Stage

PID = 4_000_000
Answer = Callable[..., Awaitable[Any]]


async def never(*_: Any, **__: Any) -> None:
    await asyncio.Event().wait()


async def soon(*_: Any, **__: Any) -> None:
    await asyncio.sleep(0)


async def pid() -> int:
    return PID


def starting(
    monkeypatch: pytest.MonkeyPatch, *, pid: Answer = pid, ping: Answer = soon, load: Answer = soon
) -> "tuple[asyncio.Task[Any], asyncio.Queue[tuple[list[int], str]]]":
    """A gang of two ranks on its way, the other one as told; and why it was ended."""
    ended: asyncio.Queue[tuple[list[int], str]] = asyncio.Queue()
    methods = {"pid": pid, "ping": ping, "load": load}
    other = SimpleNamespace(**{n: SimpleNamespace(remote=method) for n, method in methods.items()})
    monkeypatch.setattr(module, "end_gang", lambda *why: ended.put_nowait(why))
    monkeypatch.setattr(module, "get_node_ip_address", lambda: "127.0.0.1")
    monkeypatch.setattr(module, "_start_rank", lambda *_: other)
    monkeypatch.setattr(RankGroup, "join", lambda *_, **__: None)
    monkeypatch.setattr(module, "load_rank", lambda *_: Rank(Stage()))
    here: Any = SimpleNamespace(
        settings=SimpleNamespace(gang=GangCare(rank_timeout_s=0.05, step_timeout_s=0.05)),
        model=SimpleNamespace(name="m", denoiser=Replicas()),
        device=torch.device("cpu"),
    )
    start = start_gang(DeviceThread("test"), here, {}, GangShape(tp=2))
    return asyncio.create_task(start), ended


async def test_a_rank_that_is_stopped_while_it_loads_ends_the_gang(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start, ended = starting(monkeypatch, ping=never, load=never)
    why = await asyncio.wait_for(ended.get(), 5)
    assert why == ([PID], "rank 1 has not answered for 0.3 s")
    assert not start.done()
    start.cancel()


async def test_a_rank_that_never_starts_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    start, _ = starting(monkeypatch, pid=never)
    with pytest.raises(TimeoutError, match=r"not started within 0.05 s \(gang.step_timeout_s\)"):
        await asyncio.wait_for(start, 5)


async def test_what_a_rank_raises_fails_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise ValueError("no such checkpoint")

    start, ended = starting(monkeypatch, load=fail)
    with pytest.raises(ValueError, match="no such checkpoint"):
        await asyncio.wait_for(start, 5)
    assert ended.empty()
