"""Ranks other than rank 0, in this process: what they are told runs on threads of theirs."""

import asyncio
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import SimpleNamespace
from typing import Any

import pytest
import ray

from serve.replicas.rank import Rank
from tests.unit.serve.replicas.test_rank import Stage


class Call:
    """What Ray gives for a call: it can be awaited, and be waited for."""

    def __init__(self, future: "Future[Any]") -> None:
        self.future = future

    def __await__(self) -> Generator[Any, None, Any]:
        return asyncio.wrap_future(self.future).__await__()


class Other:
    """A rank in another process; its calls run on a thread."""

    def __init__(self) -> None:
        self.stage = Stage()
        self.rank = Rank(self.stage)
        self.told: list[str] = []
        self._threads = ThreadPoolExecutor(1)
        self.tell = self
        self.ping = SimpleNamespace(remote=lambda: asyncio.sleep(0))

    def remote(self, method: str, *args: Any) -> Call:
        self.told.append(method)
        return Call(self._threads.submit(getattr(self.rank, method), *args))


def without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls of an `Other` are waited for as if Ray had carried them."""

    def wait_for(
        calls: list[Call], *, num_returns: int, timeout: float | None
    ) -> tuple[list[Call], list[Call]]:
        assert num_returns == len(calls)
        done, _ = wait([call.future for call in calls], timeout)
        ready = [call for call in calls if call.future in done]
        return ready, [call for call in calls if call not in ready]

    monkeypatch.setattr(ray, "get", lambda call: call.future.result(20))
    monkeypatch.setattr(ray, "put", lambda blob: blob)
    monkeypatch.setattr(ray, "wait", wait_for)
