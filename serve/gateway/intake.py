"""Taking a clip in: from a well-formed request to a stored row, or to nothing at all."""

import asyncio
import logging
import secrets
from dataclasses import dataclass
from typing import Final

from pipelines.cost import Calibration
from pipelines.spec import ClipSpec, resolve
from serve.accounts.account import Principal
from serve.accounts.limits import limits_of
from serve.artifacts.store import input_key
from serve.gateway.bodies import VideoRequest
from serve.gateway.errors import NO_RETRY, ApiError, retry_after, unavailable
from serve.gateway.images import FirstFrames
from serve.gateway.link import tell_scheduler
from serve.gateway.parts import GatewayParts, ServedModel
from serve.gateway.rate_headers import gpu_second_headers
from serve.gateway.terms import (
    allowance_of,
    check_clip,
    check_model,
    quota_spent,
    too_many_jobs,
    within,
)
from serve.jobs.job import Job, Status
from serve.jobs.store import IdempotencyClaim, Inserted, QuotaSpent, Refusal, TooManyJobs
from serve.messages import least_device_bytes
from serve.settings.accounts import Limits

log = logging.getLogger(__name__)
FRESH_SEEDS: Final = 2**31
"""Seeds made here fit into every client's numbers; larger ones may be sent."""
RETRY_DISK_S: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A job that could be stored, the limits of its account, its first frame, and the key under

    which it must be unique.
    """

    job: Job
    limits: Limits
    first_frame: bytes | None
    claim: IdempotencyClaim | None


class Intake:
    """Stores jobs. The picture is stored before the row, so that a job never lacks it."""

    def __init__(self, parts: GatewayParts, first_frames: FirstFrames) -> None:
        self._parts = parts
        self._first_frames = first_frames
        self._storing: set[asyncio.Task[Inserted]] = set()
        self._calibration = Calibration()

    def check_disk(self) -> None:
        """Raise `ApiError` (503) while there is too little space for new clips."""
        free = self._parts.free_bytes()
        if free is not None and free < self._parts.min_free_bytes:
            message = "The service is short of disk space for new clips; try again later."
            raise ApiError(503, "storage_full", message, headers=retry_after(RETRY_DISK_S))

    def priced(self, caller: Principal, request: VideoRequest) -> Job:
        """The job that a request would become, checked and priced, before anything is fetched.

        Raises `ApiError` or `SpecError`.
        """
        limits = self._limits(caller)
        model = self._model(request.model, limits)
        fresh_seed = secrets.randbelow(FRESH_SEEDS)
        spec = resolve(request.clip, within(model.limits, limits), fresh_seed=fresh_seed)
        model.check_fits(spec, self._gang_bytes(model))
        job = self._job(caller, model, spec)
        check_clip(job, limits)
        return job

    async def take(self, caller: Principal, request: VideoRequest, key: str | None) -> Inserted:
        """Check, price and store; raises `ApiError`, `SpecError` or `PictureError`.

        The storing goes on when the client hangs up in its midst: half of it must not remain.
        """
        job = self.priced(caller, request)
        first_frame = None
        if request.image is not None:
            size = job.spec.width, job.spec.height
            first_frame = await self._first_frames.png(request.image, *size)
        wish = Wish(
            job=job,
            limits=self._limits(caller),
            first_frame=first_frame,
            claim=IdempotencyClaim(key=key, body_digest=request.digest) if key else None,
        )
        storing = asyncio.create_task(self._store(wish))
        self._storing.add(storing)
        storing.add_done_callback(self._storing.discard)
        return await asyncio.shield(storing)

    def quota_headers(self, caller: Principal, inserted: Inserted) -> dict[str, str]:
        """What is left of the account's GPU-seconds; none where these are not limited."""
        day = self._limits(caller).gpu_seconds_per_day
        if day is None or inserted.left_gpu_s is None:
            return {}
        return gpu_second_headers(day, inserted.left_gpu_s, inserted.job.created_at)

    def _limits(self, caller: Principal) -> Limits:
        return limits_of(caller.account, self._parts.rules.limits)

    def _gang_bytes(self, model: ServedModel) -> dict[str, int]:
        """By shape, the device memory of the model's gangs, as far as they have said."""
        snapshot = self._parts.link.snapshot()
        return least_device_bytes(model.name, snapshot.gangs if snapshot else ())

    def _model(self, name: str | None, limits: Limits) -> ServedModel:
        """The model of this name; without one the first that the account may use."""
        models = self._parts.models
        if name is None:
            open_to_it = [m for m in models if limits.models is None or m.name in limits.models]
            name = (open_to_it or models)[0].name
        for model in models:
            if model.name == name:
                check_model(name, limits)
                return model
        names = ", ".join(model.name for model in models)
        message = f"There is no model `{name[:64]}` here; there is {names}."
        raise ApiError(400, "model_not_found", message, param="model")

    def _job(self, caller: Principal, model: ServedModel, spec: ClipSpec) -> Job:
        now, limits = self._parts.now(), self._limits(caller)
        return Job(
            id=f"video_{int(now * 1_000):012x}{secrets.token_hex(10)}",
            account_id=caller.account_id,
            tier=caller.tier,
            model=model.name,
            spec=spec,
            status=Status.QUEUED,
            created_at=now,
            predicted_gpu_s=self._predicted_gpu_s(model, spec),
            price_per_gpu_s=model.price_per_gpu_s * limits.price_multiplier,
            jobs_at_once=limits.jobs_at_once,
        )

    def _predicted_gpu_s(self, model: ServedModel, spec: ClipSpec) -> float:
        """As experience has it; what the Scheduler has said counts also while it is away."""
        if snapshot := self._parts.link.snapshot():
            self._calibration = snapshot.calibration
        return self._calibration.corrected(model.name, model.costs(spec)).total_s

    async def _store(self, wish: Wish) -> Inserted:
        if wish.first_frame is not None:
            await self._parts.artifacts.put(input_key(wish.job.id), wish.first_frame)
        try:
            inserted = await self._insert(wish)
        except Exception:
            await self._forget_frame(wish)
            raise
        if inserted.replayed:
            await self._forget_frame(wish)
        else:
            tell_scheduler(self._parts.link, wish.job.id)
        return inserted

    async def _insert(self, wish: Wish) -> Inserted:
        try:
            return await self._parts.store.insert(
                wish.job,
                max_waiting=self._parts.jobs.max_waiting,
                allowance=allowance_of(wish.limits),
                claim=wish.claim,
            )
        except TooManyJobs as refusal:
            raise too_many_jobs(refusal.live, self._parts.link.snapshot()) from None
        except QuotaSpent as refusal:
            day = wish.limits.gpu_seconds_per_day or 0.0
            raise quota_spent(wish.job, refusal.committed_gpu_s, day) from None
        except Refusal:
            raise
        except Exception as error:
            log.warning("inserting %s ended with %s", wish.job.id, type(error).__name__)
            return await self._after_doubtful_insert(wish, error)

    async def _after_doubtful_insert(self, wish: Wish, error: Exception) -> Inserted:
        """A lost answer may hide a stored row: it is looked for by the id chosen here."""
        try:
            found = await self._parts.store.get(wish.job.id, wish.job.account_id)
        except Exception:
            # Nobody knows: only a key makes it safe to send the same again.
            fault = unavailable("database")
            if wish.claim is None:
                fault.headers |= NO_RETRY
            raise fault from error
        if found is None:
            raise error
        return Inserted(job=found, replayed=False)

    async def _forget_frame(self, wish: Wish) -> None:
        if wish.first_frame is None:
            return
        try:
            await self._parts.artifacts.delete([input_key(wish.job.id)])
        except Exception as error:
            log.warning("left a picture of %s behind: %s", wish.job.id, type(error).__name__)
