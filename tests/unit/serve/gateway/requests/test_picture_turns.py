"""A few pictures of one account at a time, whoever else sends some."""

import asyncio

import pytest

from serve.gateway.errors import ApiError
from serve.gateway.requests import picture_turns
from serve.gateway.requests.picture_turns import OF_ONE_ACCOUNT, PictureTurns


class Slow:
    """Pictures of one account that take as long as the test wants."""

    def __init__(self, turns: PictureTurns) -> None:
        self.turns = turns
        self.over = asyncio.Event()
        self.begun = 0
        self.tasks: list[asyncio.Task[None]] = []

    async def send(self, count: int) -> None:
        """So many at once; until each has a turn or waits for one."""
        self.tasks += [asyncio.create_task(self._picture()) for _ in range(count)]
        for _ in range(count + 1):
            await asyncio.sleep(0)

    async def finish(self) -> None:
        self.over.set()
        await asyncio.gather(*self.tasks)

    async def _picture(self) -> None:
        async with self.turns.turn("ann"):
            self.begun += 1
            await self.over.wait()


async def test_an_account_waits_for_its_own_pictures_and_nobody_else_does() -> None:
    turns = PictureTurns()
    slow = Slow(turns)
    await slow.send(50)
    assert slow.begun == OF_ONE_ACCOUNT
    async with turns.turn("bob"):
        pass
    await slow.finish()
    assert slow.begun == 50


async def test_whose_turn_does_not_come_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = PictureTurns()
    slow = Slow(turns)
    await slow.send(OF_ONE_ACCOUNT)
    monkeypatch.setattr(picture_turns, "PATIENCE_S", 0.01)
    with pytest.raises(ApiError) as caught:
        async with turns.turn("ann"):
            pytest.fail("there is no place")
    assert (caught.value.status, caught.value.code) == (429, "too_many_pictures")
    assert caught.value.headers == {"retry-after": "5"}
    assert f"{OF_ONE_ACCOUNT} pictures" in caught.value.message
    await slow.finish()
    async with turns.turn("ann"):
        pass


async def test_who_is_gone_is_forgotten() -> None:
    turns = PictureTurns()
    for number in range(500):
        async with turns.turn(f"visitor {number}"):
            pass
    assert len(turns._places) <= 1
