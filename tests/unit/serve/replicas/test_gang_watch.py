"""A rank that dies, is silent, late or alone in its failure ends the gang; nothing else does."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from ray.exceptions import ActorDiedError

from serve.replicas import gang_watch as module
from serve.replicas.faults import GangBroken
from serve.replicas.gang_watch import GangWatch
from serve.settings.sections import GangCare
from tests.unit.serve.attempts.scene import until

Reply = Callable[[], "asyncio.Future[None]"]


class Other:
    """A rank whose answers to pings are made by the test."""

    def __init__(self, reply: Reply) -> None:
        self.ping, self._reply = self, reply

    def remote(self) -> "asyncio.Future[None]":
        return self._reply()


def answered(error: Exception | None = None) -> "asyncio.Future[None]":
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    if error:
        future.set_exception(error)
    else:
        future.set_result(None)
    return future


def never() -> "asyncio.Future[None]":
    return asyncio.get_running_loop().create_future()


class Reasons:
    """Why the gang was given up."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.given_up = asyncio.Event()

    def __call__(self, reason: str) -> None:
        self.heard.append(reason)
        self.given_up.set()

    def of(self, error: Exception) -> None:
        """The gang was abandoned with an error."""
        assert isinstance(error, GangBroken)
        self(f"{error}: {error.__cause__!r}")

    async def first(self) -> str:
        await asyncio.wait_for(self.given_up.wait(), 5)
        return self.heard[0]


@pytest.fixture
def reasons() -> Reasons:
    return Reasons()


def watch_of(
    reasons: Reasons, *others: Other, rank_timeout_s: float = 3600, step_timeout_s: float = 3600
) -> GangWatch:
    care = GangCare(rank_timeout_s=rank_timeout_s, step_timeout_s=step_timeout_s)
    return GangWatch(others, care, give_up=reasons, abandon=reasons.of)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (never, "rank 2 has not answered for 0.02 s"),
        (lambda: answered(ActorDiedError()), "rank 2 has died"),
    ],
)
async def test_pings_find_the_silent_and_the_dead(
    reasons: Reasons, reply: Reply, words: str
) -> None:
    watch = watch_of(reasons, Other(answered), Other(reply), rank_timeout_s=0.02)
    task = asyncio.create_task(watch.run())
    assert await reasons.first() == words
    task.cancel()


async def test_ranks_that_answer_are_asked_again(
    reasons: Reasons, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PING_EVERY_S", 0.001)
    asked = asyncio.Semaphore(0)

    def reply() -> "asyncio.Future[None]":
        asked.release()
        return answered()

    task = asyncio.create_task(watch_of(reasons, Other(reply)).run())
    async with asyncio.timeout(5):
        for _ in range(3):
            await asked.acquire()
    assert not task.done()
    assert reasons.heard == []
    task.cancel()


async def step(watch: GangWatch, calls: Sequence[Any], ended: asyncio.Event) -> None:
    """A step as the device's thread takes it; it ends when `ended` is set."""
    loop = asyncio.get_running_loop()

    def on_the_devices_thread() -> None:
        with watch.over(calls):
            asyncio.run_coroutine_threadsafe(ended.wait(), loop).result(10)

    await asyncio.to_thread(on_the_devices_thread)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: answered(ActorDiedError()), "a rank has died within a step"),
        (
            lambda: answered(ValueError("x")),
            "a rank failed alone within a step (ValueError): ValueError('x')",
        ),
        (never, "a step took longer than 0.02 s"),
        (answered, "a step took longer than 0.02 s"),
    ],
)
async def test_a_step_that_cannot_end_is_ended(reasons: Reasons, call: Reply, words: str) -> None:
    watch = watch_of(reasons, rank_timeout_s=0.02, step_timeout_s=0.02)
    ended = asyncio.Event()
    going = asyncio.create_task(step(watch, [call()], ended))
    assert await reasons.first() == words
    ended.set()
    await going


async def test_ranks_that_fail_alike_and_return_do_not_end_the_gang(reasons: Reasons) -> None:
    watch = watch_of(reasons, rank_timeout_s=0.02)
    ended = asyncio.Event()
    ended.set()
    await step(watch, [answered(ValueError("x"))], ended)
    await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})
    assert reasons.heard == []
