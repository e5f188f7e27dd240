"""Idempotency-Keys in SQL: stored as digests, with the job that was made under each."""

import hashlib
from collections.abc import Collection, Mapping

from sqlalchemy import Select, delete, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from serve.jobs.claims import ClaimedJob, ClaimName
from serve.jobs.database import Engines
from serve.jobs.job import Job
from serve.jobs.rows import to_job
from serve.jobs.store import IdempotencyClaim, IdempotencyMismatch
from serve.jobs.tables import idempotency_claims, jobs

_CLAIMS = idempotency_claims.c


class SqlClaims:
    """`serve.jobs.claims.Claims` in SQL."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    async def claimed(
        self, names: Collection[ClaimName], now: float
    ) -> Mapping[ClaimName, ClaimedJob]:
        """Those of which there is a job, all with one query; what has expired is not there."""
        digests = {(account_id, digest_of(key)): (account_id, key) for account_id, key in names}
        here = tuple_(_CLAIMS.account_id, _CLAIMS.key_digest).in_(list(digests))
        return {
            digests[row["claimed_by"], row["key_digest"]]: ClaimedJob(
                job=to_job(row), body_digest=row["body_digest"]
            )
            for row in await self._engines.rows(_with_jobs(now).where(here))
        }


async def find_claimed(
    connection: AsyncConnection, job: Job, claim: IdempotencyClaim
) -> Job | None:
    """The job that an earlier request with this key made; raises `IdempotencyMismatch`."""
    query = _with_jobs(job.created_at).where(
        _CLAIMS.account_id == job.account_id, _CLAIMS.key_digest == digest_of(claim.key)
    )
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        return None
    if row["body_digest"] != claim.body_digest:
        raise IdempotencyMismatch("this Idempotency-Key came with a different request before")
    return to_job(row)


async def store_claim(connection: AsyncConnection, job: Job, claim: IdempotencyClaim) -> None:
    """Store the claim in place of an expired one."""
    key_digest = digest_of(claim.key)
    mine = _CLAIMS.account_id == job.account_id, _CLAIMS.key_digest == key_digest
    await connection.execute(delete(idempotency_claims).where(*mine))
    await connection.execute(
        insert(idempotency_claims).values(
            account_id=job.account_id,
            key_digest=key_digest,
            body_digest=claim.body_digest,
            job_id=job.id,
            created_at=job.created_at,
            expires_at=job.created_at + claim.ttl_s,
        )
    )


def digest_of(key: str) -> str:
    """The SHA-256 by which a key is stored."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _with_jobs(now: float) -> Select[tuple[object, ...]]:
    """Claims that hold at `now`, each with its job."""
    names = _CLAIMS.account_id.label("claimed_by"), _CLAIMS.key_digest, _CLAIMS.body_digest
    joined = idempotency_claims.join(jobs, _CLAIMS.job_id == jobs.c.id)
    return select(jobs, *names).select_from(joined).where(_CLAIMS.expires_at > now)
