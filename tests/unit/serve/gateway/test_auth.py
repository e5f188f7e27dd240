"""That a key is in use is noted now and then, and never in anybody's way."""

import asyncio
import logging

import pytest

from serve.accounts.account import Account, Principal
from serve.accounts.promotion import Promotion
from serve.gateway.auth import NOTED_EVERY_S, KeyUses


class Notebook:
    """Accounts that only note; `down` makes them fail."""

    def __init__(self) -> None:
        self.noted: list[tuple[str, float]] = []
        self.down = False

    async def authenticate(self, plain_key: str, /) -> Principal | None:
        raise AssertionError(plain_key)

    async def any_keys(self) -> bool:
        raise AssertionError

    async def promoted(self, account: Account, rule: Promotion | None, now: float) -> Account:
        raise AssertionError(account, rule, now)

    async def note_use(self, key_id: str, now: float) -> None:
        if self.down:
            raise ConnectionError
        self.noted.append((key_id, now))


async def settled() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_once_a_minute_and_key() -> None:
    notebook = Notebook()
    uses = KeyUses(notebook)
    for key_id, now in (
        ("a", 1_000.0),
        ("a", 1_001.0),
        ("b", 1_002.0),
        ("a", 1_000.0 + NOTED_EVERY_S),
    ):
        uses.note(key_id, now)
    await settled()
    assert notebook.noted == [("a", 1_000.0), ("b", 1_002.0), ("a", 1_060.0)]


async def test_keys_that_are_used_no_more_are_forgotten() -> None:
    uses = KeyUses(Notebook())
    for number in range(50):
        uses.note(f"key_{number}", 1_000.0)
    uses.note("last", 1_000.0 + NOTED_EVERY_S)
    assert uses._noted_at.keys() == {"last"}
    await settled()


async def test_a_note_that_cannot_be_made(caplog: pytest.LogCaptureFixture) -> None:
    notebook = Notebook()
    notebook.down = True
    with caplog.at_level(logging.WARNING):
        KeyUses(notebook).note("a", 1_000.0)
        await settled()
    assert "a use was not noted: ConnectionError" in caplog.text
    assert [record.key_id for record in caplog.records] == ["a"]
