"""One subscription, many readers; what was missed is read again, once for all."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

import pytest

from serve.gateway import live as live_module
from serve.gateway.live import MAX_BACKLOG, Live, TooManyWatches, Watch, event_of
from serve.jobs.job import Job, Phase, Status
from serve.jobs.store import Ledger
from serve.messages import JobEvent, QueuePlace, Snapshot

Make = Callable[..., Job]
MakeSnapshot = Callable[..., Snapshot]


class Line:
    """A `SchedulerLink` that the test speaks into; None breaks the subscription."""

    def __init__(self) -> None:
        self.news: asyncio.Queue[JobEvent | Snapshot | None] = asyncio.Queue()
        self.num_subscriptions = 0

    def snapshot(self) -> Snapshot | None:
        return None

    def notify(self, job_id: str) -> None:
        raise AssertionError(job_id)

    async def events(self) -> AsyncIterator[JobEvent | Snapshot]:
        self.num_subscriptions += 1
        while (news := await self.news.get()) is not None:
            yield news
        if self.num_subscriptions % 2:
            raise ConnectionError


class Rows:
    """The part of a ledger that is read; it remembers what it was asked for."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.asked: list[list[str]] = []
        self.down = False

    async def fetch(self, job_ids: list[str]) -> list[Job]:
        self.asked.append(sorted(job_ids))
        if self.down:
            raise ConnectionError
        return [self.jobs[job_id] for job_id in job_ids if job_id in self.jobs]


class Scene:
    def __init__(self, max_watches: int = 100) -> None:
        self.line, self.rows = Line(), Rows()
        self.live = Live(self.line, cast(Ledger, self.rows), max_watches=max_watches)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.live.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "FIRST_RETRY_S", 0.001)


async def nexts(watch: Watch, number: int) -> list[Any]:
    return [await asyncio.wait_for(watch.next(), 5) for _ in range(number)]


async def test_all_who_watch_a_job_hear_of_it(a_job: Make) -> None:
    scene = Scene()
    job, other = a_job(), a_job(id="video_2")
    live = scene.live
    with live.watch(job.id) as one, live.watch(job.id) as two, live.watch(other.id) as three:
        async with scene.running():
            scene.line.news.put_nowait(event_of(job))
            scene.line.news.put_nowait(event_of(other))
            assert await nexts(one, 1) == await nexts(two, 1) == [event_of(job)]
            assert await nexts(three, 1) == [event_of(other)]
    assert scene.line.num_subscriptions == 1


async def test_places_in_the_queue(a_job: Make, a_snapshot: MakeSnapshot) -> None:
    scene = Scene()
    place = QueuePlace(position=3, eta_s=None)
    scene.rows.jobs["video_1"] = a_job()
    with scene.live.watch("video_1") as watch:
        async with scene.running():
            scene.line.news.put_nowait(a_snapshot(places={"video_1": place}))
            assert await nexts(watch, 2) == [event_of(a_job()), place]


async def test_after_a_break_all_watched_jobs_are_read_at_once(
    a_job: Make, a_snapshot: MakeSnapshot
) -> None:
    scene = Scene()
    running = a_job(status=Status.IN_PROGRESS, phase=Phase.DENOISE, step=1)
    scene.rows.jobs = {"video_1": running, "video_2": a_job(id="video_2")}
    known = a_snapshot(
        running_eta_s={"video_1": 1.0}, places={"video_2": QueuePlace(position=0, eta_s=1.0)}
    )
    with scene.live.watch("video_1") as one, scene.live.watch("video_2") as two:
        async with scene.running():
            scene.line.news.put_nowait(known)
            scene.line.news.put_nowait(known)
            await nexts(one, 1)
            await nexts(two, 3)
            assert scene.rows.asked == [["video_1", "video_2"]]
            done = replace(running, status=Status.COMPLETED)
            scene.rows.jobs["video_1"] = done
            scene.line.news.put_nowait(None)
            scene.line.news.put_nowait(known)
            assert await nexts(one, 1) == [event_of(done)]
            assert scene.rows.asked[1:] == [["video_1", "video_2"]]
            assert scene.line.num_subscriptions == 2


async def test_a_job_that_the_scheduler_knows_nothing_of_is_read(
    a_job: Make, a_snapshot: MakeSnapshot
) -> None:
    scene = Scene()
    scene.rows.jobs["video_1"] = a_job()
    place = QueuePlace(position=0, eta_s=1.0)
    with scene.live.watch("video_1") as one, scene.live.watch("video_2") as two:
        async with scene.running():
            scene.line.news.put_nowait(a_snapshot())
            await nexts(one, 1)
            [gone] = await nexts(two, 1)
            assert (gone.job_id, gone.status) == ("video_2", Status.CANCELLED)
            scene.line.news.put_nowait(a_snapshot(places={"video_1": place}))
            assert await nexts(one, 1) == [place]
            assert scene.rows.asked == [["video_1", "video_2"], ["video_2"]]


async def test_a_database_that_is_down_is_asked_again(
    a_job: Make, a_snapshot: MakeSnapshot
) -> None:
    scene = Scene()
    scene.rows.down = True
    place = QueuePlace(position=0, eta_s=1.0)
    snapshot = a_snapshot(places={"video_1": place})
    with scene.live.watch("video_1") as watch:
        async with scene.running():
            scene.line.news.put_nowait(snapshot)
            assert await nexts(watch, 1) == [place]
            scene.rows.down = False
            scene.rows.jobs["video_1"] = a_job()
            scene.line.news.put_nowait(snapshot)
            assert await nexts(watch, 2) == [event_of(a_job()), place]


def test_a_row_that_lags_behind_is_freshened(a_job: Make) -> None:
    live = Scene().live
    row = a_job(status=Status.IN_PROGRESS, phase=Phase.DENOISE, step=1)
    assert live.freshened(row) is row
    live.publish(event_of(replace(row, step=3)))
    assert live.freshened(row).step == 3
    live.publish(event_of(replace(row, phase=Phase.DECODE, step=3)))
    assert live.freshened(row).phase is Phase.DECODE


def test_a_row_that_knows_better_stays(a_job: Make) -> None:
    live = Scene().live
    row = a_job(status=Status.IN_PROGRESS, phase=Phase.DENOISE, step=2)
    live.publish(event_of(replace(row, step=1)))
    assert live.freshened(row) is row
    live.publish(event_of(replace(row, step=4)))
    for status in (Status.QUEUED, Status.CANCELLED, Status.COMPLETED):
        other = replace(row, status=status)
        assert live.freshened(other) is other
    live.publish(event_of(replace(row, status=Status.QUEUED)))
    assert live.freshened(row) is row


async def test_what_was_heard_before_a_break_is_forgotten(a_job: Make) -> None:
    scene = Scene()
    row = a_job(status=Status.IN_PROGRESS, phase=Phase.DENOISE, step=1)
    async with scene.running():
        scene.line.news.put_nowait(event_of(replace(row, step=3)))
        scene.line.news.put_nowait(None)
        while scene.line.num_subscriptions < 2:
            await asyncio.sleep(0)
        assert scene.live.freshened(row) is row


def test_so_many_watches_and_no_more() -> None:
    live = Scene(max_watches=2).live
    with live.watch("video_1"):
        with live.watch("video_1"), pytest.raises(TooManyWatches), live.watch("video_2"):
            raise AssertionError("one too many")
        with live.watch("video_2"):
            pass


async def test_a_slow_reader_keeps_the_newest(a_job: Make) -> None:
    live = Scene().live
    row = a_job(status=Status.IN_PROGRESS, phase=Phase.DENOISE)
    with live.watch(row.id) as watch:
        for step in range(1, MAX_BACKLOG + 10):
            live.publish(event_of(replace(row, step=step)))
        heard = await nexts(watch, MAX_BACKLOG)
        assert [event.step for event in heard] == list(range(10, MAX_BACKLOG + 10))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(watch.next(), 0.01)
