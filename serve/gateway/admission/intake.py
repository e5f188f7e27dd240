"""Taking a clip in: from a request that was let in or deferred to a stored row, or to nothing."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from serve.accounts.account import Principal
from serve.accounts.limits import limits_of
from serve.artifacts.store import input_key
from serve.gateway.admission.door import Verdict
from serve.gateway.admission.rate_headers import gpu_second_headers
from serve.gateway.admission.repeats import Repeats
from serve.gateway.admission.terms import allowance_of, quota_spent, too_many_jobs
from serve.gateway.errors import NO_RETRY, ApiError, retry_after, unavailable
from serve.gateway.link import tell_scheduler
from serve.gateway.parts import GatewayParts
from serve.gateway.requests.bodies import ImageSource, VideoRequest
from serve.gateway.requests.images import FirstFrames
from serve.jobs.job import Job
from serve.jobs.store import (
    IdempotencyClaim,
    IdempotencyMismatch,
    Inserted,
    QuotaSpent,
    Refusal,
    TooManyJobs,
)
from serve.settings.accounts import Limits

log = logging.getLogger(__name__)
RETRY_DISK_S: Final = 60
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A job that could be stored, the limits of its account and of its tier, its first frame, and
    the key under which it must be unique.
    """

    job: Job
    limits: Limits
    max_live: int
    claim: IdempotencyClaim | None
    first_frame: bytes | None = None


class Intake:
    """Stores jobs. The picture is stored before the row, so that a job never lacks it."""

    def __init__(self, parts: GatewayParts, first_frames: FirstFrames) -> None:
        self._parts = parts
        self._first_frames = first_frames
        self._storing: set[asyncio.Task[Inserted]] = set()
        self._repeats = Repeats(parts.store, parts.policy.tiers, now=parts.now)

    def check_disk(self) -> None:
        """Raise `ApiError` (503) while there is too little space for new clips."""
        free = self._parts.free_bytes()
        if free is not None and free < self._parts.min_free_bytes:
            message = "The service is short of disk space for new clips; try again later."
            raise ApiError(503, "storage_full", message, headers=retry_after(RETRY_DISK_S))

    async def replayed(
        self, caller: Principal, request: VideoRequest, key: str | None
    ) -> Inserted | None:
        """What was stored for the same request with the same key, if it is still there: so that
        whoever repeats a request is answered while the gate is shut."""
        if key is None:
            return None
        known = await self._repeats.find((caller.account_id, key), caller.tier)
        if known is None:
            return None
        if known.body_digest != request.digest:
            raise IdempotencyMismatch("this Idempotency-Key came with a different request before")
        return Inserted(job=known.job, replayed=True)

    async def foreseen(self, verdict: Verdict, key: str | None) -> Inserted | None:
        """The job that is there already under this key. Raises `ApiError` where the account may
        not have the clip: before its picture is fetched, which takes long."""
        return await self._ask(self._submission(verdict, key), self._parts.store.foresee)

    def at_hand(
        self, image: ImageSource, caller: Principal
    ) -> AbstractAsyncContextManager[ImageSource]:
        """The picture itself, fetched where a URL leads to it; raises `ApiError`."""
        return self._first_frames.at_hand(image, caller.account_id)

    async def take(
        self, verdict: Verdict, key: str | None, picture: ImageSource | None = None
    ) -> Inserted:
        """Store what was let in or deferred; raises `ApiError` or `PictureError`.

        The storing goes on when the client hangs up in its midst: half of it must not remain.
        """
        submission = self._submission(verdict, key)
        if picture is not None:
            spec = submission.job.spec
            first_frame = await self._first_frames.png(picture, spec.width, spec.height)
            submission = replace(submission, first_frame=first_frame)
        storing = asyncio.create_task(self._store(submission))
        self._storing.add(storing)
        storing.add_done_callback(self._storing.discard)
        return await asyncio.shield(storing)

    def quota_headers(self, caller: Principal, inserted: Inserted) -> dict[str, str]:
        """What is left of the account's GPU-seconds; none where these are not limited."""
        day = limits_of(caller.account, self._parts.rules.limits).gpu_seconds_per_day
        if day is None or inserted.left_gpu_s is None:
            return {}
        return gpu_second_headers(day, inserted.left_gpu_s, inserted.job.created_at)

    def _submission(self, verdict: Verdict, key: str | None) -> Submission:
        asked, job = verdict.asked, verdict.job
        return Submission(
            job=job,
            limits=asked.limits,
            max_live=self._max_live(job.tier),
            claim=IdempotencyClaim(key=key, body_digest=asked.request.digest) if key else None,
        )

    def _max_live(self, tier: str) -> int:
        """Unfinished jobs that an account of this tier may have, whatever its limits say."""
        tiers = self._parts.policy.tiers
        return tiers[tiers.rank(tier)].max_outstanding

    def _beside(self, tier: str) -> frozenset[str] | None:
        """The tiers whose waiting jobs take a place from this one's: itself and those above. None
        are all, also those that the settings do not name any more."""
        tiers = self._parts.policy.tiers
        rank = tiers.rank(tier)
        return frozenset(each.name for each in tiers.ladder[rank:]) if rank else None

    async def _store(self, submission: Submission) -> Inserted:
        if submission.first_frame is not None:
            await self._parts.artifacts.put(input_key(submission.job.id), submission.first_frame)
        try:
            inserted = await self._insert(submission)
        except Exception:
            await self._forget_frame(submission)
            raise
        if inserted.replayed:
            await self._forget_frame(submission)
        else:
            log.info("accepted", extra=_of(submission))
            tell_scheduler(self._parts.link, submission.job.id)
        return inserted

    async def _ask(self, submission: Submission, ask: Callable[..., Awaitable[T]]) -> T:
        """What the store says to it; raises `ApiError` where the account may not have it."""
        try:
            return await ask(
                submission.job,
                max_waiting=self._parts.jobs.max_waiting,
                beside=self._beside(submission.job.tier),
                allowance=allowance_of(submission.limits, submission.max_live),
                claim=submission.claim,
            )
        except TooManyJobs as refusal:
            snapshot = self._parts.link.snapshot()
            raise too_many_jobs(refusal.live, snapshot, self._parts.now()) from None
        except QuotaSpent as refusal:
            day = submission.limits.gpu_seconds_per_day or 0.0
            raise quota_spent(submission.job, refusal.committed_gpu_s, day) from None

    async def _insert(self, submission: Submission) -> Inserted:
        try:
            return await self._ask(submission, self._parts.store.insert)
        except (Refusal, ApiError):
            raise
        except Exception as error:
            log.warning("inserting ended with %s", type(error).__name__, extra=_of(submission))
            return await self._after_doubtful_insert(submission, error)

    async def _after_doubtful_insert(self, submission: Submission, error: Exception) -> Inserted:
        """A lost answer may hide a stored row: it is looked for by the id chosen here."""
        try:
            found = await self._parts.store.get(submission.job.id, submission.job.account_id)
        except Exception:
            # Nobody knows: only a key makes it safe to send the same again.
            fault = unavailable("database")
            if submission.claim is None:
                fault.headers |= NO_RETRY
            raise fault from error
        if found is None:
            raise error
        return Inserted(job=found, replayed=False)

    async def _forget_frame(self, submission: Submission) -> None:
        if submission.first_frame is None:
            return
        try:
            await self._parts.artifacts.delete([input_key(submission.job.id)])
        except Exception as error:
            log.warning("left a picture behind: %s", type(error).__name__, extra=_of(submission))


def _of(submission: Submission) -> dict[str, str]:
    """What a line about it carries."""
    return {
        "job_id": submission.job.id,
        "account_id": submission.job.account_id,
        "model": submission.job.model,
    }
