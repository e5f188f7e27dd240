"""What is believed of keys, for how long, and how little is asked meanwhile."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from serve.accounts import remembered
from serve.accounts.account import Account, Principal
from serve.accounts.keys import make_key
from serve.accounts.promotion import Promotion
from serve.accounts.remembered import Remembered

ANN = Account(id="acct_1", name="ann", tier="new", region=None, created_at=0.0)
KEY = make_key("test").plain


class Rows:
    """A database that counts what it is asked; `gate` holds its answers back."""

    def __init__(self) -> None:
        self.principals = {KEY: Principal(account=ANN, key_id="k")}
        self.asked = 0
        self.counted = 0
        self.lacks_clips = False
        self.keys_exist = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def authenticate(self, plain_key: str, /) -> Principal | None:
        self.asked += 1
        await self.gate.wait()
        return self.principals.get(plain_key)

    async def any_keys(self) -> bool:
        self.asked += 1
        return self.keys_exist

    async def promoted(self, account: Account, rule: Promotion | None, now: float) -> Account:
        self.counted += 1
        stays = rule is None or self.lacks_clips
        return account if stays or rule is None else replace(account, tier=rule.to)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


Make = Callable[..., Remembered]


@pytest.fixture
def rows() -> Rows:
    return Rows()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(rows: Rows, clock: Clock) -> Make:
    def made(rule: Promotion | None = None, ttl_s: float = 5.0) -> Remembered:
        return Remembered(rows, rule=rule, ttl_s=ttl_s, clock=clock, now=lambda: 0.0)

    return made


async def test_a_key_is_asked_for_once_in_a_while(make: Make, rows: Rows, clock: Clock) -> None:
    principals = make()
    for _ in range(3):
        assert await principals.authenticate(KEY) == Principal(account=ANN, key_id="k")
    assert rows.asked == 1
    del rows.principals[KEY]
    clock.now += 4.9
    assert await principals.authenticate(KEY) is not None
    clock.now += 0.1
    assert await principals.authenticate(KEY) is None, "a revoked key is refused in time"
    rows.principals[KEY] = Principal(account=ANN, key_id="k")
    assert await principals.authenticate(KEY) is None
    assert rows.asked == 2
    clock.now += 5.0
    assert await principals.authenticate(KEY) is not None


async def test_who_may_rise_has_risen(make: Make) -> None:
    rule = Promotion(tier="new", to="free", after_s=0.0, after_clips=0)
    found = await make(rule).authenticate(KEY)
    assert found is not None
    assert found.tier == "free"


async def test_clips_that_are_missing_are_counted_now_and_then(
    make: Make, rows: Rows, clock: Clock
) -> None:
    principals = make(Promotion(tier="new", to="free", after_s=0.0, after_clips=3))
    rows.lacks_clips = True
    for _ in range(10):
        await principals.authenticate(KEY)
        clock.now += 6.0
    assert (rows.asked, rows.counted) == (10, 1)
    rows.lacks_clips = False
    clock.now += remembered.NOT_RISEN_S
    found = await principals.authenticate(KEY)
    assert found is not None
    assert found.tier == "free"


async def test_strangers_are_looked_up_a_few_at_a_time(
    make: Make, rows: Rows, clock: Clock
) -> None:
    principals = make()
    await principals.authenticate(KEY)
    clock.now += 6.0
    rows.gate.clear()
    strangers = [make_key("test").plain for _ in range(20)]
    flood = [asyncio.create_task(principals.authenticate(plain)) for plain in strangers]
    for _ in range(50):
        await asyncio.sleep(0)
    assert rows.asked == 1 + remembered.MOST_STRANGERS
    known = asyncio.create_task(principals.authenticate(KEY))
    for _ in range(50):
        await asyncio.sleep(0)
    assert rows.asked == 2 + remembered.MOST_STRANGERS, "who is known does not stand behind them"
    rows.gate.set()
    assert await known is not None
    assert await asyncio.gather(*flood) == [None] * 20


async def test_what_cannot_be_a_key_asks_nothing(make: Make, rows: Rows) -> None:
    assert await make().authenticate("fg_test_made_up") is None
    assert rows.asked == 0


async def test_without_a_time_everything_is_asked_each_time(make: Make, rows: Rows) -> None:
    principals = make(ttl_s=0.0)
    for _ in range(2):
        await principals.authenticate(KEY)
        await principals.any_keys()
    assert rows.asked == 4


async def test_a_crowd_with_one_key_asks_once(make: Make, rows: Rows) -> None:
    principals = make()
    rows.gate.clear()
    crowd = [asyncio.create_task(principals.authenticate(KEY)) for _ in range(10)]
    while not rows.asked:
        await asyncio.sleep(0)
    crowd[0].cancel()
    rows.gate.set()
    found = await asyncio.gather(*crowd, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert found[1:] == [Principal(account=ANN, key_id="k")] * 9
    assert rows.asked == 1


async def test_made_up_keys_drive_no_good_one_out(
    make: Make, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "MOST_UNKNOWN", 3)
    principals = make()
    await principals.authenticate(KEY)
    made_up = [make_key("test").plain for _ in range(10)]
    for plain in made_up:
        assert await principals.authenticate(plain) is None
    assert rows.asked == 11
    await principals.authenticate(KEY)
    await principals.authenticate(made_up[-1])
    assert rows.asked == 11
    await principals.authenticate(made_up[0])
    assert rows.asked == 12, "only the last of them are remembered"


async def test_the_first_key_is_heard_of_and_never_forgotten(
    make: Make, rows: Rows, clock: Clock
) -> None:
    principals = make()
    assert not await principals.any_keys()
    rows.keys_exist = True
    assert not await principals.any_keys()
    clock.now += 5.0
    assert await principals.any_keys()
    rows.keys_exist = False
    clock.now += 50.0
    assert await principals.any_keys()
    assert rows.asked == 2
