"""A failing round is followed by the next; a task that died is noticed."""

import asyncio

import pytest

from serve.rounds import check_alive, steadily


async def test_a_failure_does_not_end_the_rounds() -> None:
    rounds = 0
    third = asyncio.Event()

    async def work() -> None:
        nonlocal rounds
        rounds += 1
        if rounds < 3:
            raise ConnectionError
        third.set()

    task = asyncio.create_task(steadily(work, every_s=0, what="working"))
    await asyncio.wait_for(third.wait(), 5)
    check_alive([task])
    task.cancel()
    await asyncio.wait([task])
    with pytest.raises(RuntimeError):
        check_alive([task])


async def test_a_task_that_returned_is_well_and_one_that_raised_is_not() -> None:
    async def well() -> None:
        return None

    async def ill() -> None:
        raise ValueError

    tasks = [asyncio.create_task(well()), asyncio.create_task(ill())]
    await asyncio.wait(tasks)
    check_alive(tasks[:1])
    with pytest.raises(RuntimeError):
        check_alive(tasks)
