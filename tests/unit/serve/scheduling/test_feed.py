"""News reaches every reader, newest state only."""

import asyncio

from serve.jobs.job import Phase, Status
from serve.messages import JobEvent, Snapshot
from serve.scheduling.feed import Feed

FIRST = Snapshot(
    epoch=1, gangs=(), warm_models=frozenset(), places={}, running_eta_s={}, metrics=b""
)


def event(job_id: str, step: int) -> JobEvent:
    return JobEvent(
        job_id=job_id, status=Status.IN_PROGRESS, phase=Phase.DENOISE, step=step, steps=9
    )


async def test_a_reader_starts_with_the_snapshot_and_then_gets_only_the_latest_of_each_job() -> (
    None
):
    feed = Feed()
    reader = feed.read(FIRST)
    assert await anext(reader) == [FIRST]
    for step in range(5):
        feed.publish(event("a", step))
    feed.publish(event("b", 1))
    assert await anext(reader) == [event("a", 4), event("b", 1)]
    await reader.aclose()


async def test_readers_are_independent_and_a_closed_one_is_forgotten() -> None:
    feed = Feed()
    one, two = feed.read(FIRST), feed.read(FIRST)
    await asyncio.gather(anext(one), anext(two))
    await one.aclose()
    feed.publish(event("a", 1))
    assert await anext(two) == [event("a", 1)]
    await two.aclose()
    assert not feed._readers
