"""One attempt at one job: encode, denoise, decode, publish; every write is fenced."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any

from autoscaling.placement import FreeGangs
from serve.artifacts.store import ArtifactStore
from serve.attempts.encode_ahead import EncodeAhead, answered, stop
from serve.attempts.gangs import Gangs
from serve.attempts.listener import Listener
from serve.attempts.outage import outlast
from serve.attempts.suspension import Suspension
from serve.jobs.job import Job, Phase, Timings
from serve.jobs.store import Fence, Ledger
from serve.messages import Decoded, DenoiseOrder, StepEvent

log = logging.getLogger(__name__)
ROW_EVERY_S = 0.5
"""Steps reach the row at most this often; the live feed has each of them."""


class Outcome(Enum):
    """How an attempt ended, where it did not raise."""

    PUBLISHED = auto()
    LOST = auto()  # the row moved on: cancelled, deleted, or another scheduler's
    INTERRUPTED = auto()  # the gang let go of it; it goes back in the queue


class FenceLost(Exception):
    """A fenced write was refused."""


class GangSilent(Exception):
    """The gang has not reported for longer than a lease lasts: it is dead, or as good as dead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageHandles:
    """The Ray Serve handles of one model's three stages."""

    encoder: Any
    denoisers: Mapping[str, Any]
    """By the shape of their gangs."""
    decoder: Any

    def encode(self, job: Job) -> Any:
        """The job's conditioning, on its way."""
        return self.encoder.encode.remote(job.id, job.spec)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptParts:
    """What attempts share."""

    ledger: Ledger
    artifacts: ArtifactStore
    gangs: Gangs
    ahead: EncodeAhead
    retention_s: float
    publish: Callable[[Job], None]
    """Tells the Gateways the job's present state."""
    lessons: Listener
    gang_freed: Callable[[], None]


class Attempt:
    """Drives one attempt; `job` is always the latest state known here."""

    def __init__(
        self, job: Job, stages: StageHandles, parts: AttemptParts, gang: FreeGangs | None
    ) -> None:
        """`gang` is the kind of gang that was set aside; None when the latents are stored."""
        self.job = job
        self._gang = gang
        self.stopped_by: Exception | None = None
        """Set by who stops the attempt, where that is to count as a break."""
        self.suspension: Suspension | None = None
        """Set by who takes its gang away: the gang is told with its next report."""
        self.fence = Fence(job_id=job.id, epoch=job.epoch, attempt=job.attempt)
        self._stages = stages
        self._parts = parts
        self._ahead = parts.ahead.take(job.id)
        queue_s = max(0.0, (job.started_at or job.created_at) - job.created_at)
        self._timings = replace(job.timings, queue_s=queue_s)
        self._began_at = time.monotonic()
        self._row_written_at = 0.0
        self.first_step = job.step
        """Where the attempt began."""
        self.saved_step = job.step
        """Steps that no crash can undo: those of the last stored checkpoint or latents. Until the
        gang has said where it starts, what the row says."""

    @property
    def timings(self) -> Timings:
        """What the job has taken so far, earlier attempts included."""
        return self._timings

    @property
    def run_s(self) -> float:
        """Seconds in progress over all attempts; a clock that is set forward adds nothing."""
        return self.job.run_s + time.monotonic() - self._began_at

    async def run(self) -> Outcome:
        """To the end, or to the first refused write. Raises what a stage or its death raises."""
        try:
            if self._gang and not await self._denoise(self._gang.shape):
                return Outcome.INTERRUPTED
            await self._decode()
        except FenceLost:
            return Outcome.LOST
        return Outcome.PUBLISHED

    async def _denoise(self, shape: str) -> bool:
        """Whether the latents are stored now; False when the gang let go before."""
        job = self.job
        order = DenoiseOrder(job_id=job.id, epoch=job.epoch, attempt=job.attempt)
        encoded = self._ahead or self._stages.encode(job)
        denoiser = self._stages.denoisers[shape].options(stream=True)
        stream = denoiser.denoise.remote(order, job.spec, encoded)
        heard = stored = False
        try:
            async for event in stream:
                heard = True
                stored = await self._heed(event)
            return stored
        except Exception as error:
            if heard or self._ahead is None or await answered(self._ahead):
                raise
            # The encoder broke, maybe before this attempt began: no fault of the job's.
            log.warning("not begun: %s", type(error).__name__, extra={"job_id": job.id})
            return False
        finally:
            stop(encoded)
            stop(stream)
            self._parts.gangs.release(job.id, settled=stored)
            self._parts.gang_freed()

    async def _heed(self, event: StepEvent) -> bool:
        """Take note of one event; True for the last one."""
        match event.kind:
            case "started":
                self._parts.gangs.bind(self.job.id, event.replica)
                self.saved_step = self.first_step = event.step
                self._parts.lessons.went_on(self.job, event.step)
                if event.cached is not None:
                    self._parts.lessons.encoded(self.job, event.cached)
                self._spent(encode_s=event.seconds)
                await self._advance(Phase.DENOISE, event.step)
            case "step":
                self._spent(denoise_s=event.seconds)
                self._parts.lessons.observed(self.job, "step", event.seconds, self.devices)
                await self._step(event.step)
            case "checkpoint":
                self.saved_step = event.step
                await self._advance(Phase.DENOISE, event.step)
            case "latents":
                self.saved_step = event.step
                log.info(
                    "latents stored",
                    extra={"job_id": self.job.id, "digest": event.digest, "step": event.step},
                )
                await self._advance(Phase.DECODE, event.step)
        return event.kind == "latents"

    async def _step(self, step: int) -> None:
        """A finished step: always in the feed, now and then in the row."""
        if time.monotonic() - self._row_written_at >= ROW_EVERY_S:
            await self._advance(Phase.DENOISE, step)
        else:
            self._show(phase=Phase.DENOISE, step=step)

    async def _advance(self, phase: Phase, step: int) -> None:
        """Row first, then the feed."""
        self._row_written_at = time.monotonic()
        ledger = self._parts.ledger
        kept = await outlast(
            lambda: ledger.advance(
                self.fence, phase=phase, step=step, now=time.time(), timings=self._timings
            ),
            job_id=self.job.id,
        )
        if not kept:
            raise FenceLost
        self._show(phase=phase, step=step)

    def _show(self, *, phase: Phase, step: int) -> None:
        self.job = replace(self.job, phase=phase, step=step)
        self._parts.publish(self.job)

    async def _decode(self) -> None:
        self.saved_step = self.job.spec.steps
        await self._advance(Phase.DECODE, self.saved_step)
        call = self._stages.decoder.decode.remote(self.job.id, self.job.attempt, self.job.spec)
        try:
            decoded: Decoded = await call
        finally:
            stop(call)  # or it would go on, and store a clip, when this attempt is stopped
        self._spent(decode_s=decoded.seconds)
        if not await self._publish(decoded.prefix):
            await self._parts.artifacts.delete_prefix(decoded.prefix)
            raise FenceLost

    async def _publish(self, prefix: str) -> bool:
        """Whether the row points to the clip now; a lost answer may hide that it did before."""
        ledger, now = self._parts.ledger, time.time()
        expires_at = now + self._parts.retention_s
        published = await outlast(
            lambda: ledger.complete(
                self.fence,
                now=now,
                clip_prefix=prefix,
                expires_at=expires_at,
                timings=self._timings,
            ),
            job_id=self.job.id,
        )
        if published:
            return True
        rows = await outlast(lambda: ledger.fetch([self.job.id]), job_id=self.job.id)
        return any(row.clip_prefix == prefix for row in rows)

    def _spent(
        self, *, encode_s: float = 0.0, denoise_s: float = 0.0, decode_s: float = 0.0
    ) -> None:
        """Add seconds; while it denoises, a job holds all devices of its gang."""
        took = self._timings
        self._timings = replace(
            took,
            encode_s=took.encode_s + encode_s,
            denoise_s=took.denoise_s + denoise_s,
            decode_s=took.decode_s + decode_s,
            gpu_s=took.gpu_s + encode_s + denoise_s * self.devices + decode_s,
        )
        for stage, seconds in (("encode", encode_s), ("decode", decode_s)):
            if seconds:
                self._parts.lessons.observed(self.job, stage, seconds, 1)

    @property
    def devices(self) -> int:
        return self._gang.devices if self._gang else 1

    @property
    def shape(self) -> str | None:
        return self._gang.shape if self._gang else None
