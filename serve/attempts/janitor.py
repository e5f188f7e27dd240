"""Clears away what nobody needs any more: expired clips, deleted jobs, spent checkpoints."""

import logging
from collections.abc import Iterable, Sequence

from serve.artifacts.store import ArtifactError, ArtifactInfo, ArtifactStore, job_prefix
from serve.jobs.job import Job, Status
from serve.jobs.store import Ledger

log = logging.getLogger(__name__)
SWEEP_EVERY_S = 3600.0
ORPHAN_AGE_S = 3600.0
"""An input picture is stored before its row: a younger folder without a row may get one yet."""
LATE_WRITES_S = 120.0
"""How long a stopped attempt's stages may still be writing what they had begun."""
IDS_AT_ONCE = 500


class Janitor:
    """Every action may be repeated: a crash in the middle leaves work for the next round."""

    def __init__(self, ledger: Ledger, artifacts: ArtifactStore) -> None:
        self._ledger = ledger
        self._artifacts = artifacts
        self._swept_at: float | None = None
        self._look_again: dict[str, float] = {}

    async def clean(self, now: float) -> None:
        """One round: retention, deletions, and now and then a sweep of everything stored."""
        for job in await self._ledger.expire(now):
            log.info("expired", extra={"job_id": job.id})
            await self._remove(job.id)
        for job_id in await self._ledger.doomed(limit=100):
            if await self._remove(job_id):
                await self._ledger.purge(job_id)
        await self._clear_late_writes(now)
        if self._swept_at is None or now - self._swept_at >= SWEEP_EVERY_S:
            self._swept_at = now
            await self._sweep(now)

    async def tidy(self, job: Job) -> None:
        """Remove all of an ended job's artifacts but its published clip."""
        try:
            stored = await self._artifacts.list(job_prefix(job.id))
            await self._artifacts.delete(_spent(job, stored))
        except ArtifactError as error:
            _leave(job.id, error)

    def expect_late_writes(self, job_id: str, now: float) -> None:
        """An attempt was stopped in mid-work: look at its job's artifacts once more later on."""
        self._look_again[job_id] = now + LATE_WRITES_S

    async def _clear_late_writes(self, now: float) -> None:
        due = [job_id for job_id, at in self._look_again.items() if at <= now]
        rows = {job.id: job for job in await self._ledger.fetch(due)} if due else {}
        for job_id in due:
            del self._look_again[job_id]
            if job_id not in rows:
                await self._remove(job_id)
            elif rows[job_id].ended:
                await self.tidy(rows[job_id])

    async def _remove(self, job_id: str) -> bool:
        """Remove all that a job has stored; whether it is gone."""
        try:
            await self._artifacts.delete_prefix(job_prefix(job_id))
        except ArtifactError as error:
            _leave(job_id, error)
            return False
        return True

    async def _sweep(self, now: float) -> None:
        await self._artifacts.sweep(written_before=now - ORPHAN_AGE_S)
        stored: dict[str, list[ArtifactInfo]] = {}
        for info in await self._artifacts.list("jobs/"):
            stored.setdefault(info.key.split("/")[1], []).append(info)
        ids = list(stored)
        for start in range(0, len(ids), IDS_AT_ONCE):
            chunk = ids[start : start + IDS_AT_ONCE]
            rows = {job.id: job for job in await self._ledger.fetch(chunk)}
            for job_id in chunk:
                await self._sweep_job(job_id, rows.get(job_id), stored[job_id], now)

    async def _sweep_job(
        self, job_id: str, job: Job | None, stored: Sequence[ArtifactInfo], now: float
    ) -> None:
        if job is None:
            if now - max(info.modified_at for info in stored) > ORPHAN_AGE_S:
                await self._remove(job_id)
        elif job.ended and _spent(job, stored):
            await self.tidy(job)


def _spent(job: Job, stored: Iterable[ArtifactInfo]) -> list[str]:
    """Of an ended job's artifacts, those that are not its published clip."""
    keep = job.clip_prefix if job.status is Status.COMPLETED else None
    return [info.key for info in stored if keep is None or not info.key.startswith(keep)]


def _leave(job_id: str, error: ArtifactError) -> None:
    log.warning("left for the next sweep: %s", error, extra={"job_id": job_id})
