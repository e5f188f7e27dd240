"""Whatever is asked of the store in whatever order, a job only moves along legal transitions."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from pipelines.spec import ClipSpec
from serve.jobs.job import Failure, Job, Note, Phase, Status, Timings
from serve.jobs.sql_store import open_store
from serve.jobs.store import Fence, IdempotencyClaim, QueueFull
from serve.jobs.tables import jobs
from serve.jobs.upgrade import migrate
from serve.scheduling.queued_rows import QueuedRows
from tests.integration.store.legal import is_consistent, moved_legally

SPEC = ClipSpec(
    prompt="a boat at dusk",
    negative_prompt="fog",
    width=64,
    height=32,
    num_frames=17,
    fps=8,
    steps=8,
    guidance_scale=3.5,
    seed=1,
    sound=True,
    has_image=False,
)
NOTE = Note(at=1.0, what="released", reason="room", text="There is room.")
PLACES = st.integers(0, 3)
"""Which of the newest jobs is meant."""
OFF = st.sampled_from([(0, 0), (0, 0), (0, 0), (0, -1), (0, 1), (-1, 0), (1, 0)])
"""How far the epoch and attempt of a writer's fence are from the row's."""


class AnyOrder(RuleBasedStateMachine):
    """Callers with true, old and invented fences; time passes a second with every call."""

    @initialize()
    def open(self) -> None:
        self.loop = asyncio.Runner()
        self.store = open_store("sqlite+aiosqlite://")
        self.run(migrate(self.store.engines))
        self.now = 1_000.0
        self.epoch = 0
        self.rows: dict[str, Job] = {}
        self.known = QueuedRows(self.store)
        self.insert(None, begin=True)

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self.run(self.store.close())
            self.loop.close()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run(work)

    def tick(self) -> float:
        self.now += 1.0
        return self.now

    @rule(key=st.sampled_from([None, "k1", "k2"]), begin=st.booleans(), promised=st.booleans())
    def insert(self, key: str | None, begin: bool, promised: bool = False) -> None:
        job = Job(
            id=f"video_{len(self.rows)}",
            account_id="acct_a",
            tier="pro",
            model="m",
            spec=SPEC,
            status=Status.QUEUED,
            created_at=self.tick(),
            predicted_gpu_s=1.0,
            promised_by=9_000.0 if promised else None,
        )
        claim = IdempotencyClaim(key=key, body_digest="d", ttl_s=5.0) if key else None
        try:
            inserted = self.run(self.store.insert(job, max_waiting=4, claim=claim))
        except QueueFull:
            return
        if not inserted.replayed:
            self.rows[job.id] = job
            if begin:
                self.start(-1, 0)
                self.rows_moved_legally()

    @rule()
    def take_epoch(self) -> None:
        epoch = self.run(self.store.take_epoch())
        assert epoch == self.epoch + 1
        self.epoch = epoch

    @rule(place=PLACES, age=st.sampled_from([0, 0, 0, 1]))
    def start(self, place: int, age: int) -> None:
        row = self.row(place)
        started = self.run(self.store.start(row.id, self.epoch - age, self.tick()))
        assert (started is not None) == (row.status is Status.QUEUED and age == 0)

    @rule(age=st.integers(0, 1))
    def adopt(self, age: int) -> None:
        epoch = self.epoch - age
        adopted = self.run(self.store.adopt(epoch, self.tick()))
        orphans = {
            job.id
            for job in self.rows.values()
            if job.status is Status.IN_PROGRESS and job.epoch < epoch
        }
        assert {job.id for job in adopted} == orphans

    @rule(place=PLACES, off=OFF, step=st.integers(0, 8), phase=st.sampled_from(Phase))
    def advance(self, place: int, off: tuple[int, int], step: int, phase: Phase) -> None:
        fence = self.fence(place, off)
        wrote = self.run(self.store.advance(fence, phase=phase, step=step, now=self.tick()))
        self.expect(fence, wrote, {Status.IN_PROGRESS})

    @rule(place=PLACES, off=OFF, crashed=st.booleans(), gave_way=st.booleans())
    def requeue(self, place: int, off: tuple[int, int], crashed: bool, gave_way: bool) -> None:
        fence = self.fence(place, off)
        wrote = self.run(
            self.store.requeue(fence, now=self.tick(), crashed=crashed, gave_way=gave_way)
        )
        self.expect(fence, wrote, {Status.IN_PROGRESS})

    @rule(place=PLACES, age=st.sampled_from([0, 0, 0, 1]))
    def release(self, place: int, age: int) -> None:
        row = self.row(place)
        released = self.run(self.store.release(row, self.epoch - age, self.tick(), NOTE))
        assert (released is not None) == (row.deferred and age == 0)

    @rule(place=PLACES, by=st.sampled_from([-1.0, 1.0, None]))
    def move_a_promise(self, place: int, by: float | None) -> None:
        """Nothing in the store does; what tried to would be refused."""
        row = self.row(place)
        other = None if row.promised_by is None or by is None else row.promised_by + by
        move = update(jobs).where(jobs.c.id == row.id).values(promised_by=other)
        try:
            assert self.run(self.store.engines.change(move)) == 1
        except IntegrityError:
            assert row.promised_by is not None
        else:
            assert row.promised_by is None

    @rule()
    def read_the_queue(self) -> None:
        """A Scheduler's memory of the queue, however much it missed, is what the store has."""
        self.run(self.known.read(whole=True, busy=lambda _: False))
        queued = {row.id: row for row in self.rows.values() if row.status is Status.QUEUED}
        assert {**self.known.waiting, **self.known.deferred} == queued
        assert all(row.deferred for row in self.known.deferred.values())
        assert not any(row.deferred for row in self.known.waiting.values())

    @rule(place=PLACES, off=OFF)
    def complete(self, place: int, off: tuple[int, int]) -> None:
        fence = self.fence(place, off)
        wrote = self.run(
            self.store.complete(
                fence,
                now=self.tick(),
                clip_prefix=f"{fence.job_id}/{fence.attempt}/",
                expires_at=self.now + 3.0,
                timings=Timings(gpu_s=1.5),
            )
        )
        self.expect(fence, wrote, {Status.IN_PROGRESS})

    @rule(place=PLACES, off=OFF)
    def fail(self, place: int, off: tuple[int, int]) -> None:
        fence = self.fence(place, off)
        failure = Failure(code="worker_crashed", message="Its worker died.")
        wrote = self.run(self.store.fail(fence, now=self.tick(), failure=failure))
        self.expect(fence, wrote, {Status.IN_PROGRESS, Status.QUEUED})

    @rule(place=PLACES)
    def cancel(self, place: int) -> None:
        self.run(self.store.cancel(self.row(place).id, "acct_a", self.tick()))

    @rule(place=PLACES)
    def delete(self, place: int) -> None:
        self.run(self.store.delete(self.row(place).id, "acct_a", self.tick()))

    @rule()
    def expire(self) -> None:
        self.run(self.store.expire(self.tick()))

    def row(self, place: int) -> Job:
        newest = list(self.rows.values())[-4:]
        return newest[place % len(newest)]

    def fence(self, place: int, off: tuple[int, int]) -> Fence:
        row = self.row(place)
        return Fence(job_id=row.id, epoch=row.epoch + off[0], attempt=row.attempt + off[1])

    def expect(self, fence: Fence, wrote: bool, statuses: set[Status]) -> None:
        """A write succeeds exactly when its fence is the row's, in a state that it may change."""
        row = self.rows[fence.job_id]
        held = (row.epoch, row.attempt) == (fence.epoch, fence.attempt)
        assert wrote == (held and row.status in statuses)

    @invariant()
    def rows_moved_legally(self) -> None:
        for row in self.run(self.store.fetch(list(self.rows))):
            moved_legally(self.rows[row.id], row)
            is_consistent(row)
            self.rows[row.id] = row
        self.each_end_is_written_down_once()
        self.each_queued_job_is_in_one_queue()

    def each_queued_job_is_in_one_queue(self) -> None:
        found = [*self.run(self.store.waiting()), *self.run(self.store.owed())]
        queued = [row.id for row in self.rows.values() if row.status is Status.QUEUED]
        assert sorted(job.id for job in found) == sorted(queued)

    def each_end_is_written_down_once(self) -> None:
        ended = [row for row in self.rows.values() if row.ended]
        clips = [row for row in ended if row.clip_prefix is not None]
        days = self.run(self.store.usage("acct_a", "1970-01-01"))
        told = [(day.jobs, day.clips, day.gpu_s) for day in days]
        assert told == ([(len(ended), len(clips), 1.5 * len(clips))] if ended else [])


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
