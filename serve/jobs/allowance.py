"""What one account may have in the store, checked while its next job is being taken in."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from serve.jobs.job import LIVE, Job
from serve.jobs.sql_usage import standing_of
from serve.jobs.store import NO_LIMITS, Allowance, QuotaSpent, TooManyJobs
from serve.jobs.tables import jobs
from serve.jobs.usage import Standing


async def check_allowance(
    connection: AsyncConnection, job: Job, allowance: Allowance
) -> float | None:
    """GPU-seconds of the day that are left after `job`; None where there is no such limit.

    Raises `TooManyJobs` or `QuotaSpent`.
    """
    if allowance == NO_LIMITS:
        return None
    standing = await standing_of(connection, job.account_id, job.created_at)
    if _is_full(standing, allowance):
        raise TooManyJobs(await _live_jobs(connection, job.account_id))
    if allowance.gpu_s is None:
        return None
    left = allowance.gpu_s - standing.committed_gpu_s - job.predicted_gpu_s
    if left < 0:
        raise QuotaSpent(standing.committed_gpu_s)
    return left


def _is_full(standing: Standing, allowance: Allowance) -> bool:
    live = standing.waiting + standing.running
    return (allowance.live is not None and live >= allowance.live) or (
        allowance.waiting is not None and standing.waiting >= allowance.waiting
    )


async def _live_jobs(connection: AsyncConnection, account_id: str) -> dict[str, float | None]:
    """The account's unfinished jobs, and until when each was promised, if it was."""
    mine = jobs.c.account_id == account_id, jobs.c.status.in_(LIVE)
    rows = await connection.execute(select(jobs.c.id, jobs.c.promised_by).where(*mine))
    return {row.id: row.promised_by for row in rows}
