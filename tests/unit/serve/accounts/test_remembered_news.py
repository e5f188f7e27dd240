"""While it is told which accounts change, a Gateway asks for none of the others again."""

import asyncio
from dataclasses import replace

import pytest

from serve.accounts import remembered
from serve.accounts.account import Account, Principal
from serve.accounts.keys import make_key
from serve.accounts.news import AccountNews
from serve.accounts.promotion import Promotion
from serve.accounts.remembered import Remembered

ANN = Principal(
    account=Account(id="ann", name="ann", tier="new", region=None, created_at=0.0), key_id="k"
)
KEY = make_key("test").plain
QUIET = AccountNews(since=3, upto=3)
TTL_S = 5.0


class Rows:
    """A database; `gate` holds its answers back."""

    def __init__(self) -> None:
        self.ann: Principal | None = ANN
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def authenticate(self, _plain_key: str, /) -> Principal | None:
        self.asked += 1
        found = self.ann
        await self.gate.wait()
        return found

    async def any_keys(self) -> bool:
        return True

    async def promoted(self, account: Account, _rule: Promotion | None, _now: float) -> Account:
        return account


class Scene:
    """`news` is what is told, `now` what time it is."""

    def __init__(self, ttl_s: float = TTL_S) -> None:
        self.rows = Rows()
        self.news: AccountNews | None = QUIET
        self.now = 100.0
        self._remembered = Remembered(
            self.rows,
            rule=None,
            ttl_s=ttl_s,
            clock=lambda: self.now,
            now=lambda: 0.0,
            news=lambda: self.news,
        )

    async def ask(self) -> Principal | None:
        return await self._remembered.authenticate(KEY)


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_who_did_not_change_is_asked_for_once(scene: Scene) -> None:
    for others in range(20):
        scene.news = QUIET.with_later([(f"acct_{number}", 4 + number) for number in range(others)])
        assert await scene.ask() == ANN
        scene.now += TTL_S
    assert scene.rows.asked == 1


async def test_a_change_is_believed_at_once(scene: Scene) -> None:
    await scene.ask()
    scene.rows.ann = None
    assert await scene.ask() == ANN
    scene.news = QUIET.with_later([("ann", 4)])
    assert await scene.ask() is None
    assert scene.rows.asked == 2


async def test_a_change_while_it_is_being_read_is_not_missed(scene: Scene) -> None:
    """The answer may be of before the change, though it comes after the news of it."""
    scene.rows.gate.clear()
    reading = asyncio.create_task(scene.ask())
    while not scene.rows.asked:
        await asyncio.sleep(0)
    scene.rows.ann = replace(ANN, account=replace(ANN.account, tier="pro"))
    scene.news = QUIET.with_later([("ann", 4)])
    scene.rows.gate.set()
    assert await reading == ANN
    assert await scene.ask() == scene.rows.ann


async def test_without_news_it_is_believed_for_a_while_only(scene: Scene) -> None:
    await scene.ask()
    scene.now += 100.0
    await scene.ask()
    scene.rows.ann = None
    scene.news = None
    scene.now += TTL_S - 0.1
    assert await scene.ask() == ANN
    scene.now += 0.1
    assert await scene.ask() is None


async def test_news_that_do_not_reach_back_say_nothing(scene: Scene) -> None:
    await scene.ask()
    scene.news = AccountNews(since=9, upto=9)
    await scene.ask()
    assert scene.rows.asked == 1, "it was read a moment ago"
    scene.now += TTL_S
    await scene.ask()
    assert scene.rows.asked == 2
    scene.now += TTL_S
    await scene.ask()
    assert scene.rows.asked == 2


async def test_now_and_then_it_is_read_again(scene: Scene) -> None:
    await scene.ask()
    scene.now += remembered.KEPT_S
    await scene.ask()
    assert scene.rows.asked == 2


async def test_without_a_time_everything_is_asked_each_time() -> None:
    scene = Scene(ttl_s=0.0)
    await scene.ask()
    await scene.ask()
    assert scene.rows.asked == 2
