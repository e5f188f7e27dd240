"""A gang stops when its scheduler is gone, newer, or does not know the attempt."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from serve.messages import DenoiseOrder, Holding, LeaseAnswer
from serve.replicas.lease import LeaseHolder

ORDER = DenoiseOrder(job_id="j", epoch=4, attempt=2)
Ask = Callable[[Holding | None], Awaitable[LeaseAnswer]]


class SchedulerStub:
    """Answers as told and remembers what it was asked."""

    def __init__(self) -> None:
        self.keep = True
        self.epoch = 4
        self.silent = False
        self.heard: list[Holding | None] = []
        self.asked = asyncio.Event()

    async def ask(self, holding: Holding | None) -> LeaseAnswer:
        self.heard.append(holding)
        self.asked.set()
        if self.silent:
            raise ConnectionError
        return LeaseAnswer(epoch=self.epoch, keep=self.keep)


@pytest.fixture
def scheduler() -> SchedulerStub:
    return SchedulerStub()


@pytest.fixture
async def lease(scheduler: SchedulerStub) -> AsyncIterator[LeaseHolder]:
    holder = LeaseHolder(scheduler.ask, period_s=0.001, timeout_s=0.05)
    task = asyncio.create_task(holder.run())
    yield holder
    task.cancel()


async def heard_again(scheduler: SchedulerStub) -> None:
    for _ in range(2):
        scheduler.asked.clear()
        await asyncio.wait_for(scheduler.asked.wait(), 5)


async def test_a_kept_lease_goes_on_and_reports_its_step(
    lease: LeaseHolder, scheduler: SchedulerStub
) -> None:
    lost = asyncio.Event()
    with lease.holding(ORDER, 3, on_lost=lost.set):
        lease.stepped(5)
        await heard_again(scheduler)
        assert scheduler.heard[-1] == Holding(job_id="j", epoch=4, attempt=2, step=5)
    await heard_again(scheduler)
    assert scheduler.heard[-1] is None
    assert not lost.is_set()


async def test_an_attempt_the_scheduler_gave_up_is_stopped(
    lease: LeaseHolder, scheduler: SchedulerStub
) -> None:
    lost = asyncio.Event()
    scheduler.keep = False
    with lease.holding(ORDER, 0, on_lost=lost.set):
        await asyncio.wait_for(lost.wait(), 5)


async def test_a_replaced_scheduler_that_still_answers_takes_nothing_away(
    scheduler: SchedulerStub,
) -> None:
    holder = LeaseHolder(scheduler.ask, period_s=0.001, timeout_s=3600)
    task = asyncio.create_task(holder.run())
    lost = asyncio.Event()
    scheduler.keep, scheduler.epoch = False, 3
    with holder.holding(ORDER, 0, on_lost=lost.set):
        await heard_again(scheduler)
        await heard_again(scheduler)
        assert not lost.is_set()
        scheduler.epoch = 4
        await asyncio.wait_for(lost.wait(), 5)
    task.cancel()


async def test_a_silent_scheduler_loses_the_lease_after_the_timeout(
    lease: LeaseHolder, scheduler: SchedulerStub
) -> None:
    lost = asyncio.Event()
    await heard_again(scheduler)
    scheduler.silent = True
    with lease.holding(ORDER, 0, on_lost=lost.set):
        await asyncio.wait_for(lost.wait(), 5)
    assert len(scheduler.heard) > 2, "it asks again and again before it gives up"


async def test_an_idle_gang_loses_nothing(lease: LeaseHolder, scheduler: SchedulerStub) -> None:
    scheduler.silent = True
    await heard_again(scheduler)
    assert scheduler.heard[-1] is None
