"""No question to the store reads the whole table, however many jobs have ended."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event

from serve.jobs.job import Failure, Job, Note, Phase, Timings
from serve.jobs.sql_store import SqlJobStore
from serve.jobs.store import Allowance, Fence, IdempotencyClaim, TooManyJobs

MakeJob = Callable[..., Job]
NOTE = Note(at=4.0, what="released", reason="room", text="There is room.")
FENCE = Fence(job_id="video_1", epoch=1, attempt=1)


async def use_everything(store: SqlJobStore, job: Job) -> None:
    claim = IdempotencyClaim(key="k", body_digest="d")
    day = Allowance(live=9, gpu_s=99.0)
    await store.insert(job, max_waiting=5, beside={"pro", "team"}, allowance=day, claim=claim)
    with pytest.raises(TooManyJobs):
        await store.insert(replace(job, id="b"), max_waiting=5, allowance=Allowance(live=1))
    await store.usage(job.account_id, "1970-01-01")
    await store.standing(job.account_id, 5.0)
    await store.get(job.id, job.account_id)
    for newest_first in (True, False):
        await store.page(job.account_id, after=job.id, limit=5, newest_first=newest_first)
        await store.page(job.account_id, after=None, limit=5, newest_first=newest_first)
    await store.take_epoch()
    await store.holds(1)
    await store.waiting()
    await store.owed()
    await store.queued()
    await store.release(job, 1, 4.0, NOTE)
    await store.remember("policy", {}, 1, 4.0)
    await store.recall("policy")
    await store.fetch([job.id, "video_2"])
    await store.adopt(1, 5.0)
    await store.adopt(1, 5.0, running=["video_2"])
    await store.start(job.id, 1, 5.0)
    await store.advance(FENCE, phase=Phase.DENOISE, step=1, now=5.0)
    await store.requeue(FENCE, now=5.0, crashed=True)
    await store.complete(FENCE, now=5.0, clip_prefix="p", expires_at=6.0, timings=Timings())
    await store.fail(FENCE, now=5.0, failure=Failure(code="c", message="m"))
    await store.cancel(job.id, job.account_id, 6.0)
    await store.delete(job.id, job.account_id, 6.0)
    await store.expire(6.0)
    await store.doomed(5)
    await store.purge(job.id)


@pytest.mark.parametrize("empty_url", ["sqlite"], indirect=True)
async def test_every_statement_uses_an_index(store: SqlJobStore, make_job: MakeJob) -> None:
    asked: list[tuple[str, Any]] = []

    def remember(_c: object, _cu: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.split(maxsplit=1)[0] in ("SELECT", "UPDATE", "DELETE"):
            asked.append((statement, parameters))

    for engine in (store.engines.reader, store.engines.writer):
        event.listen(engine.sync_engine, "before_cursor_execute", remember)
    await use_everything(store, make_job())
    assert len(asked) >= 20

    async with store.engines.writer.begin() as connection:
        for statement, parameters in list(asked):
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            for *_, step in plan:
                assert not step.startswith("SCAN") or step == "SCAN CONSTANT ROW", (step, statement)
                assert "TEMP B-TREE" not in step, (step, statement)
