"""What is told of changed accounts, and that nothing is told while nobody can know."""

import asyncio
from typing import Any

import pytest

from serve.accounts.accounts import open_accounts
from serve.scheduling import patience
from serve.scheduling.account_watch import AccountWatch
from tests.unit.serve.attempts.scene import Scene


async def test_changes_are_told_from_the_first_look_on(scene: Scene) -> None:
    accounts = open_accounts(scene.store.engines)
    ann = await accounts.create_account("ann", "new", 0.0)
    await accounts.set_tier(ann.id, "free")
    watch = AccountWatch(scene.store.engines)
    assert watch.news is None
    await watch.look()
    assert watch.news is not None
    assert watch.news.changed == {}
    before = watch.news.upto
    await accounts.set_tier(ann.id, "pro")
    await watch.look()
    assert watch.news.still_holds(ann.id, before) is False


async def test_while_the_store_does_not_answer_nothing_is_told(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = open_accounts(scene.store.engines)
    ann = await accounts.create_account("ann", "new", 0.0)
    watch = AccountWatch(scene.store.engines)
    await watch.look()
    assert watch.news is not None
    before = watch.news.upto
    with monkeypatch.context() as broken:
        broken.setattr("serve.scheduling.account_watch.read_news", None)
        await watch.look()
        assert watch.news is None, "Gateways ask for themselves"
    await accounts.set_tier(ann.id, "pro")
    await watch.look()
    assert watch.news is not None
    assert watch.news.still_holds(ann.id, before) is False, "nothing was missed"


async def test_a_store_that_hangs_is_not_waited_for(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs(*_: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:  # as does ending the call
            await asyncio.Event().wait()

    monkeypatch.setattr(patience, "PATIENCE_S", 0.01)
    watch = AccountWatch(scene.store.engines)
    await watch.look()
    with monkeypatch.context() as broken:
        broken.setattr("serve.scheduling.account_watch.read_news", hangs)
        done, _ = await asyncio.wait([asyncio.create_task(watch.look())], timeout=10.0)
        assert done
        assert watch.news is None
    await watch.look()
    assert watch.news is not None
