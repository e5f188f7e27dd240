"""A clip whose frames are no picture is made once more from step 0, though its latents passed."""

import logging

from serve.artifacts.store import (
    ArtifactMissing,
    ArtifactStore,
    checkpoint_prefix,
    latents_key,
    started_over_key,
)
from serve.attempts.attempt import Attempt
from serve.jobs.job import Phase
from serve.jobs.store import Ledger

log = logging.getLogger(__name__)


async def start_over(
    attempt: Attempt, ledger: Ledger, artifacts: ArtifactStore, now: float
) -> bool:
    """Put the job back in the queue at step 0, with the same seed; False if that was done before,
    or it is no longer this attempt's.

    The same gang would make the same latents again, unless the device slipped the first time;
    another may not. What has been noted lies among the job's artifacts, so that the next Scheduler
    knows it too. It is noted last: all of this is repeated after a failure of either store, and
    may cost one try more, but never the only one.
    """
    job_id = attempt.job.id
    if await _has(artifacts, started_over_key(job_id)):
        return False
    if not await ledger.advance(
        attempt.fence, phase=Phase.DENOISE, step=0, now=now, timings=attempt.timings
    ):
        return False
    log.warning("starting over: the frames are no picture", extra={"job_id": job_id})
    await artifacts.delete_prefix(checkpoint_prefix(job_id))
    await artifacts.delete([latents_key(job_id)])
    requeued = await ledger.requeue(attempt.fence, now=now, crashed=False)
    await artifacts.put(started_over_key(job_id), b"frames")
    return requeued


async def _has(artifacts: ArtifactStore, key: str) -> bool:
    try:
        await artifacts.info(key)
    except ArtifactMissing:
        return False
    return True
