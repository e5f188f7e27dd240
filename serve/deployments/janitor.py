"""Clears away what nobody needs any more: expired clips, deleted jobs, spent checkpoints."""

import logging

from serve.artifacts.store import ArtifactStore, job_prefix
from serve.jobs.job import Job, Status
from serve.jobs.store import Ledger

log = logging.getLogger(__name__)
SWEEP_EVERY_S = 3600.0
ORPHAN_AGE_S = 3600.0
"""An input picture is stored before its row: a younger folder without a row may get one yet."""


class Janitor:
    """Every action may be repeated: a crash in the middle leaves work for the next round."""

    def __init__(self, ledger: Ledger, artifacts: ArtifactStore) -> None:
        self._ledger = ledger
        self._artifacts = artifacts
        self._swept_at: float | None = None

    async def clean(self, now: float) -> None:
        """One round: retention, deletions, and now and then a sweep of everything stored."""
        for job in await self._ledger.expire(now):
            log.info("expired", extra={"job_id": job.id})
            await self._artifacts.delete_prefix(job_prefix(job.id))
        for job_id in await self._ledger.doomed(limit=100):
            await self._artifacts.delete_prefix(job_prefix(job_id))
            await self._ledger.purge(job_id)
        if self._swept_at is None or now - self._swept_at >= SWEEP_EVERY_S:
            self._swept_at = now
            await self._sweep(now)

    async def tidy(self, job: Job) -> None:
        """Remove all of an ended job's artifacts but its published clip."""
        keep = job.clip_prefix if job.status is Status.COMPLETED else None
        stored = await self._artifacts.list(job_prefix(job.id))
        await self._artifacts.delete(
            [info.key for info in stored if keep is None or not info.key.startswith(keep)]
        )

    async def _sweep(self, now: float) -> None:
        newest: dict[str, float] = {}
        for info in await self._artifacts.list("jobs/"):
            job_id = info.key.split("/")[1]
            newest[job_id] = max(info.modified_at, newest.get(job_id, 0.0))
        ids = list(newest)
        for start in range(0, len(ids), 500):
            chunk = ids[start : start + 500]
            rows = {job.id: job for job in await self._ledger.fetch(chunk)}
            for job_id in chunk:
                job = rows.get(job_id)
                if job is None and now - newest[job_id] > ORPHAN_AGE_S:
                    await self._artifacts.delete_prefix(job_prefix(job_id))
                elif job is not None and job.ended:
                    await self.tidy(job)
