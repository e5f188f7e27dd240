"""The device's thread: one call at a time, and never handed on while a call still runs."""

import asyncio
import threading

import pytest

from serve.replicas.device_thread import DeviceThread


class Slow:
    """A call that lasts until it is let go, such as a denoising step of minutes."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.let_go = threading.Event()
        self.ended = False

    def __call__(self) -> str:
        self.began.set()
        assert self.let_go.wait(60)
        self.ended = True
        return "done"


async def begun(slow: Slow) -> None:
    assert await asyncio.to_thread(slow.began.wait, 60)


async def rounds_of_the_loop() -> None:
    """Enough for a cancellation to get through, if it can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_calls_come_back_with_what_they_made_or_raised() -> None:
    device = DeviceThread("test")
    assert await device.call(lambda: 3) == 3
    with pytest.raises(KeyError):
        await device.call(lambda: {"here": 1}["missing"])
    names = [await device.call(lambda: threading.current_thread().name) for _ in range(2)]
    assert names[0] == names[1]
    assert names[0].startswith("test")


async def test_a_slow_step_leaves_the_event_loop_free() -> None:
    device, slow = DeviceThread("test"), Slow()
    running = asyncio.create_task(device.call(slow))
    await begun(slow)
    assert await asyncio.to_thread(lambda: "others work on") == "others work on"
    assert not running.done()
    slow.let_go.set()
    assert await running == "done"


async def test_a_cancelled_caller_waits_for_the_running_step() -> None:
    device, slow = DeviceThread("test"), Slow()
    running = asyncio.create_task(device.call(slow))
    await begun(slow)
    for _ in range(3):  # impatience does not help
        running.cancel()
        await rounds_of_the_loop()
        assert not running.done()
    slow.let_go.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert slow.ended


async def test_what_a_call_raises_is_heard_also_when_its_caller_has_gone() -> None:
    device, slow, heard = DeviceThread("test"), Slow(), list[BaseException]()
    device.on_error = heard.append
    error = KeyError("missing")

    def fail() -> None:
        slow()
        raise error

    running = asyncio.create_task(device.call(fail))
    await begun(slow)
    running.cancel()
    await rounds_of_the_loop()
    slow.let_go.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert heard == [error]


async def test_an_abandoned_thread_is_waited_for_by_nobody() -> None:
    device, slow, heard = DeviceThread("test"), Slow(), list[BaseException]()
    device.on_error = heard.append
    waiting, cancelled = (asyncio.create_task(device.call(slow)) for _ in range(2))
    await begun(slow)
    cancelled.cancel()
    await rounds_of_the_loop()
    error = RuntimeError("stuck")
    device.abandon(error)
    for call in (waiting, device.call(lambda: 3)):
        with pytest.raises(RuntimeError, match="stuck"):
            await call
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert not slow.ended
    assert heard == [error]
    slow.let_go.set()


async def test_the_next_call_begins_only_after_a_cancelled_one_has_ended() -> None:
    device, slow = DeviceThread("test"), Slow()
    first = asyncio.create_task(device.call(slow))
    await begun(slow)
    first.cancel()
    second = asyncio.create_task(device.call(lambda: slow.ended))
    await rounds_of_the_loop()
    assert not second.done()
    slow.let_go.set()
    assert await second, "the first call was over before the second began"
