"""Which jobs this Gateway has stored lately under a key: a repeated request finds its own."""

from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from serve.jobs.job import Job
from serve.jobs.store import IdempotencyClaim

MOST_REMEMBERED: Final = 20_000


@dataclass(frozen=True, slots=True)
class StoredAs:
    """The job, the digest of the request that made it, and until when that counts (Unix time)."""

    job_id: str
    body_digest: str
    expires_at: float


class Stored:
    """The last of them, by account and key. The store knows them all, and for longer."""

    def __init__(self) -> None:
        self._stored: OrderedDict[bytes, StoredAs] = OrderedDict()

    def find(self, account_id: str, key: str, now: float) -> StoredAs | None:
        """What is known of this account's key, as long as the store would know it too."""
        known = self._stored.get(_name(account_id, key))
        return known if known is not None and now < known.expires_at else None

    def forget(self, account_id: str, key: str) -> None:
        """The job is gone: the key is as good as new."""
        self._stored.pop(_name(account_id, key), None)

    def keep(self, job: Job, claim: IdempotencyClaim) -> None:
        """Remember it, and forget the oldest of too many."""
        expires_at = job.created_at + claim.ttl_s
        known = StoredAs(job.id, claim.body_digest, expires_at)
        self._stored[_name(job.account_id, claim.key)] = known
        if len(self._stored) > MOST_REMEMBERED:
            self._stored.popitem(last=False)


def _name(account_id: str, key: str) -> bytes:
    return sha256(f"{account_id}/{key}".encode()).digest()
