"""Rows in memory are those of the store, whoever changed them, and few are read again."""

from dataclasses import replace
from typing import Any

import pytest

from serve.jobs.job import Job, Note, Status
from serve.scheduling.queued_rows import QueuedRows
from tests.unit.serve.attempts.scene import Scene

NOTE = Note(at=1.0, what="released", reason="room", text="There is room.")


async def read(rows: QueuedRows, *, whole: bool = True, busy: str = "") -> set[str]:
    return {job.id for job in await rows.read(whole=whole, busy=lambda job_id: job_id == busy)}


@pytest.fixture
def fetched(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the rows that are read one by one."""
    asked: list[str] = []
    fetch = scene.store.fetch

    async def listen(job_ids: list[str]) -> list[Job]:
        asked.extend(job_ids)
        return await fetch(job_ids)

    monkeypatch.setattr(scene.store, "fetch", listen)
    return asked


async def test_all_is_read_once_and_then_only_what_changed(
    scene: Scene, fetched: list[str]
) -> None:
    rows = QueuedRows(scene.store)
    await scene.queue("one")
    await scene.queue("later", promised_by=500.0)
    assert await read(rows, whole=False) == set()
    assert (list(rows.waiting), list(rows.deferred)) == (["one"], ["later"])
    await read(rows)
    assert fetched == []
    await scene.queue("two")
    await read(rows)
    assert fetched == ["two"]
    assert set(rows.waiting) == {"one", "two"}


async def test_what_is_told_is_read_at_once(scene: Scene) -> None:
    rows = QueuedRows(scene.store)
    await read(rows)
    await scene.queue("one")
    assert await read(rows, whole=False) == set()
    assert "one" not in rows
    rows.told("one")
    await read(rows, whole=False)
    assert "one" in rows


async def test_what_moved_on_is_told_once(scene: Scene) -> None:
    rows = QueuedRows(scene.store)
    for name in ("one", "two", "three"):
        await scene.queue(name)
    await read(rows)
    await scene.store.cancel("one", "a", 9.0)
    rows.told("one")
    assert await read(rows, whole=False) == {"one"}
    await scene.store.cancel("two", "a", 9.0)
    assert await read(rows) == {"two"}
    assert await read(rows) == set()
    assert list(rows.waiting) == ["three"]


async def test_a_release_or_another_attempt_is_noticed(scene: Scene) -> None:
    rows = QueuedRows(scene.store)
    epoch = await scene.store.take_epoch()
    later = await scene.queue("later", promised_by=500.0)
    await read(rows)
    await scene.store.release(later, epoch, 9.0, NOTE)
    await read(rows)
    assert (list(rows.waiting), list(rows.deferred)) == (["later"], [])
    await scene.store.start("later", epoch, 10.0)
    await read(rows)
    await scene.store.adopt(epoch + 1, 11.0)
    await read(rows)
    assert rows.waiting["later"].attempt == 1


async def test_jobs_with_an_attempt_here_are_not_queued_here(scene: Scene) -> None:
    rows = QueuedRows(scene.store)
    job = await scene.queue("one")
    rows.told("one")
    await read(rows, busy="one")
    assert "one" not in rows
    rows.seen(job)
    rows.seen(replace(job, status=Status.IN_PROGRESS))
    assert "one" not in rows


async def test_what_was_told_survives_a_store_that_is_away(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = QueuedRows(scene.store)
    await read(rows)
    await scene.queue("one")
    rows.told("one")

    async def away(*_: Any) -> list[Job]:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(scene.store, "fetch", away)
        with pytest.raises(ConnectionError):
            await read(rows, whole=False)
    await read(rows, whole=False)
    assert "one" in rows
