"""Taking a clip in: from a well-formed request to a stored row, or to nothing at all."""

import asyncio
import logging
import secrets
from dataclasses import dataclass
from typing import Final

from pipelines.spec import ClipSpec, resolve
from serve.accounts.account import Principal
from serve.artifacts.store import input_key
from serve.gateway.bodies import VideoRequest
from serve.gateway.errors import NO_RETRY, ApiError, retry_after, unavailable
from serve.gateway.images import FirstFrames
from serve.gateway.link import tell_scheduler
from serve.gateway.parts import GatewayParts, ServedModel
from serve.jobs.job import Job, Status
from serve.jobs.store import IdempotencyClaim, IdempotencyMismatch, Inserted, QueueFull
from serve.messages import least_device_bytes

log = logging.getLogger(__name__)
FRESH_SEEDS: Final = 2**31
"""Seeds made here fit into every client's numbers; larger ones may be sent."""
RETRY_DISK_S: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A job that could be stored, its first frame, and the key under which it must be unique."""

    job: Job
    first_frame: bytes | None
    claim: IdempotencyClaim | None


class Intake:
    """Stores jobs. The picture is stored before the row, so that a job never lacks it."""

    def __init__(self, parts: GatewayParts, first_frames: FirstFrames) -> None:
        self._parts = parts
        self._first_frames = first_frames
        self._storing: set[asyncio.Task[Inserted]] = set()

    def check_disk(self) -> None:
        """Raise `ApiError` (503) while there is too little space for new clips."""
        free = self._parts.free_bytes()
        if free is not None and free < self._parts.min_free_bytes:
            message = "The service is short of disk space for new clips; try again later."
            raise ApiError(503, "storage_full", message, headers=retry_after(RETRY_DISK_S))

    async def take(self, caller: Principal, request: VideoRequest, key: str | None) -> Inserted:
        """Check, price and store; raises `ApiError`, `SpecError` or `PictureError`.

        The storing goes on when the client hangs up in its midst: half of it must not remain.
        """
        model = self._model(request.model)
        spec = resolve(request.clip, model.limits, fresh_seed=secrets.randbelow(FRESH_SEEDS))
        model.check_fits(spec, self._gang_bytes(model))
        first_frame = None
        if request.image is not None:
            first_frame = await self._first_frames.png(request.image, spec.width, spec.height)
        wish = Wish(
            job=self._job(caller, model, spec),
            first_frame=first_frame,
            claim=IdempotencyClaim(key=key, body_digest=request.digest) if key else None,
        )
        storing = asyncio.create_task(self._store(wish))
        self._storing.add(storing)
        storing.add_done_callback(self._storing.discard)
        return await asyncio.shield(storing)

    def _gang_bytes(self, model: ServedModel) -> dict[str, int]:
        """By shape, the device memory of the model's gangs, as far as they have said."""
        snapshot = self._parts.link.snapshot()
        return least_device_bytes(model.name, snapshot.gangs if snapshot else ())

    def _model(self, name: str | None) -> ServedModel:
        for model in self._parts.models:
            if name is None or model.name == name:
                return model
        names = ", ".join(model.name for model in self._parts.models)
        message = f"There is no model `{str(name)[:64]}` here; there is {names}."
        raise ApiError(400, "model_not_found", message, param="model")

    def _job(self, caller: Principal, model: ServedModel, spec: ClipSpec) -> Job:
        now = self._parts.now()
        return Job(
            id=f"video_{int(now * 1_000):012x}{secrets.token_hex(10)}",
            account_id=caller.account_id,
            tier=caller.tier,
            model=model.name,
            spec=spec,
            status=Status.QUEUED,
            created_at=now,
            predicted_gpu_s=model.predict_gpu_s(spec),
        )

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
                wish.job, max_waiting=self._parts.jobs.max_waiting, claim=wish.claim
            )
        except (QueueFull, IdempotencyMismatch):
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
