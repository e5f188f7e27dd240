"""The rows of queued jobs in memory: read once, and again only where the store has other ones."""

from collections.abc import Callable
from dataclasses import replace

from serve.jobs.job import Job, Status
from serve.jobs.queued import QueueMark
from serve.jobs.store import Ledger


class QueuedRows:
    """`waiting` wait for a gang, `deferred` are kept for later; by id, as last read or told."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._told: set[str] = set()
        self.complete = False
        self.waiting: dict[str, Job] = {}
        self.deferred: dict[str, Job] = {}

    def __contains__(self, job_id: str) -> bool:
        return job_id in self.waiting or job_id in self.deferred

    def told(self, job_id: str) -> None:
        """Its row has changed, somebody says: it is read with the next round."""
        self._told.add(job_id)

    def seen(self, job: Job) -> None:
        """Take note of a job's latest state."""
        self.waiting.pop(job.id, None)
        self.deferred.pop(job.id, None)
        if job.status is Status.QUEUED and job.deleted_at is None:
            (self.deferred if job.deferred else self.waiting)[job.id] = job

    async def read(self, *, whole: bool, busy: Callable[[str], bool]) -> list[Job]:
        """Read what has changed: of what was told, or of the `whole` queue; the jobs that are no
        longer in it. Nothing is known here of those that are `busy` with an attempt."""
        if not self.complete:
            for row in (*await self._ledger.waiting(), *await self._ledger.owed()):
                if not busy(row.id):
                    self.seen(row)
            self.complete = True
        told, self._told = self._told, set()
        try:
            changed = told | (await self._changed() if whole else set())
            rows = await self._ledger.fetch([job_id for job_id in changed if not busy(job_id)])
        except BaseException:
            self._told |= told
            raise
        gone = changed - {row.id for row in rows if row.status is Status.QUEUED}
        known = {**self.waiting, **self.deferred}
        left = [known[job_id] for job_id in gone & known.keys()]
        for job in left:
            self.seen(replace(job, status=Status.CANCELLED))
        for row in rows:
            if not busy(row.id):
                self.seen(row)
        return left

    async def _changed(self) -> set[str]:
        """Jobs of which the store has something else than is known here."""
        marks = {mark.job_id: mark for mark in await self._ledger.queued()}
        known = {**self.waiting, **self.deferred}
        changed = {job_id for job_id, mark in marks.items() if not _same(known.get(job_id), mark)}
        return changed | (known.keys() - marks.keys())


def _same(job: Job | None, mark: QueueMark) -> bool:
    return job is not None and (job.attempt, job.deferred) == (mark.attempt, mark.deferred)
