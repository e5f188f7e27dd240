"""One round of the Scheduler: every waiting job that can start now is started, best first."""

import time
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial

from autoscaling.ordering import Waiting
from autoscaling.placement import FreeGangs, place_by_need
from serve.artifacts.store import ArtifactMissing, latents_key
from serve.attempts.attempt import AttemptParts
from serve.attempts.attempts import Attempts
from serve.attempts.history import Ahead, started
from serve.jobs.job import Job, noted
from serve.scheduling.giving_way import GivingWay
from serve.scheduling.policy import Policy
from serve.scheduling.queued_rows import QueuedRows
from serve.scheduling.tally import Tally


class Dispatch:
    """Under one epoch. `shapes` are the gang shapes for a job; none if its model is not offered."""

    def __init__(
        self,
        *,
        epoch: int,
        parts: AttemptParts,
        rows: QueuedRows,
        policy: Policy,
        attempts: Attempts,
        giving_way: GivingWay,
        shapes: Callable[[Job], Collection[str]],
    ) -> None:
        self._epoch = epoch
        self._ledger = parts.ledger
        self._artifacts = parts.artifacts
        self._gangs = parts.gangs
        self._encode_ahead = parts.ahead
        self._rows = rows
        self._policy = policy
        self._attempts = attempts
        self._giving_way = giving_way
        self._shapes = shapes
        self._stood_before: dict[str, Ahead] = {}
        self._held_until: dict[str, float] = {}

    async def round(self, *, whole: bool = True) -> None:
        """Start what can start; conclude what was waiting and no longer is.

        What was told is read first, or the `whole` queue: what must hold even if nobody told.
        """
        gone = await self._rows.read(whole=whole, busy=self._attempts.__contains__)
        await self._attempts.conclude(job for job in gone if job.id not in self._attempts)
        now = time.time()
        jobs = self._rows.waiting
        tally = Tally(self._attempts.jobs(), drain_s=self._policy.drain_s(jobs.values()))
        for waiting in self._policy.ordered(jobs.values(), self._attempts.runs(), now):
            job = jobs.get(waiting.job_id)
            if job is not None:  # else it moved on while others were started
                await self._consider(job, waiting, tally, now)
        self._encode_ahead.look(tally.blocked)
        self._giving_way.make_room(tally.blocked, now)
        self._move(tally)
        self._stood_before = {i: ahead for i, ahead in self._stood_before.items() if i in jobs}
        self._held_until = {i: until for i, until in self._held_until.items() if i in jobs}

    def _move(self, tally: Tally) -> None:
        """Only while so little waits that whoever moves would be put on the larger gang again."""
        left_s = self._policy.drain_s(self._rows.waiting.values())
        idle_s = self._policy.numbers.rules.placement.idle_drain_s
        for model in self._gangs.models(time.monotonic()) - {job.model for job in tally.blocked}:
            if left_s.get(model, 0.0) >= idle_s:
                continue
            self._giving_way.move(model, self._gangs.free(model, time.monotonic()))

    async def _consider(self, job: Job, waiting: Waiting, tally: Tally, now: float) -> None:
        if not tally.is_offered(job, self._shapes):
            await self._attempts.unserved(job)
            return
        if tally.limits.hold_back(job):
            self._held_until[job.id] = now
            return
        gang = None
        if job.step < job.spec.steps or not await self._have_latents(job.id):
            gang = self._gang_for(job, waiting, tally, now)
            if gang is None:
                self._stood_before.setdefault(job.id, tally.blocks(job, paid=waiting.paid))
                return
            self._gangs.reserve(job.id, job.model, gang.shape)
        if await self._start(job, waiting, gang):
            tally.limits.starts(job)

    def _gang_for(self, job: Job, waiting: Waiting, tally: Tally, now: float) -> FreeGangs | None:
        """A free gang of a shape that has room for the job and is large enough for its tier.

        Gangs of a shape that is no longer offered still report for a moment.
        """
        if job.model in tally.full:
            return None
        free = [each for each in self._gangs.free(job.model, time.monotonic()) if each.num_free > 0]
        if not free:
            tally.full.add(job.model)
        shapes, numbers = self._shapes(job), self._policy.numbers
        return place_by_need(
            [gangs for gangs in free if gangs.shape in shapes],
            paid=waiting.paid,
            time_left_s=waiting.deadline - now,
            seconds_on=partial(numbers.seconds_on, job),
            # Without the job itself: one that moved to a larger gang would else go back at once.
            drain_s=tally.drain_s.get(job.model, 0.0) - self._policy.drain_s([job])[job.model],
            rule=replace(numbers.rules.placement, standard_devices=numbers.standard(job)),
        )

    async def _have_latents(self, job_id: str) -> bool:
        try:
            await self._artifacts.info(latents_key(job_id))
        except ArtifactMissing:
            return False
        return True

    async def _start(self, known: Job, waiting: Waiting, gang: FreeGangs | None) -> bool:
        """A gang reserved for the job is given back unless an attempt begins."""
        job, now = None, time.time()
        try:
            band = self._policy.band(waiting, self._attempts.runs(), now)
            held_until = self._held_until.get(known.id)
            note = started(known, self._stood_before.get(known.id), band, now, held_until)
            job = await self._ledger.start(
                known.id, self._epoch, now, history=noted(known.history, note)
            )
        finally:
            if job is None:
                self._gangs.release(known.id, settled=True)
        if job is not None:
            self._stood_before.pop(known.id, None)
            self._held_until.pop(known.id, None)
            self._policy.started(waiting, job, held_until)
            self._attempts.begin(job, gang)
        return job is not None
