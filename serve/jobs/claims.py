"""Which jobs were made under which Idempotency-Keys; `sql_claims.py` has the answers."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from serve.jobs.job import Job

ClaimName = tuple[str, str]
"""An account's id and a key of its."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedJob:
    """A job, and the digest of the request that made it."""

    job: Job
    body_digest: str


class Claims(Protocol):
    """The part of `serve.jobs.store.Submissions` that only looks for earlier requests."""

    async def claimed(
        self, names: Collection[ClaimName], now: float
    ) -> Mapping[ClaimName, ClaimedJob]:
        """Those of which there is a job, all with one query; what has expired is not there."""
        ...
