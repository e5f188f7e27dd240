"""The denoise stage as a replica: a gang that runs one job at a time and obeys its lease."""

import asyncio
import hashlib
import logging
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from ray import serve as ray_serve

from pipelines.handoff import Parcel, ParcelError, unpack
from pipelines.spec import ClipSpec
from pipelines.stages.denoise import DenoiseStage, Denoising, StaleCheckpoint
from serve.artifacts.store import checkpoint_key, checkpoint_prefix, latents_key
from serve.deployments.device_thread import DeviceThread, settle
from serve.deployments.lease import LeaseHolder
from serve.deployments.replica import open_replica
from serve.deployments.steps import Stepped, StepRunner
from serve.messages import (
    DenoiseOrder,
    Encoded,
    Holding,
    LeaseAnswer,
    LeaseReport,
    StepEvent,
)

log = logging.getLogger(__name__)
KEPT_CHECKPOINTS = 2


class Denoiser:
    """One gang of a model. Its lock is held from a job's first step to its last."""

    async def __init__(  # type: ignore[misc]
        self, values: dict[str, Any], model_name: str, shape: str
    ) -> None:
        self._device = DeviceThread("denoise")
        self._replica = await self._device.call(
            lambda: open_replica(values, model_name, "denoiser")
        )
        here = self._replica
        self._stage = await self._device.call(
            lambda: DenoiseStage.load(here.checkpoint, dtype=here.dtype, device=here.device)
        )
        self._lock = asyncio.Lock()
        self._name = ray_serve.get_replica_context().replica_id.unique_id
        self._shape = shape
        self._scheduler = ray_serve.get_deployment_handle("Scheduler")
        self._lease = LeaseHolder(
            self._ask,
            period_s=here.settings.lease.period_s,
            timeout_s=here.settings.lease.timeout_s,
        )
        self._lease_task = asyncio.create_task(self._lease.run())

    async def check_health(self) -> None:
        """Unhealthy once the lease loop has died: the gang would run unseen."""
        if self._lease_task.done():
            raise RuntimeError("the lease loop has ended")

    async def _ask(self, holding: Holding | None) -> LeaseAnswer:
        report = LeaseReport(
            replica=self._name,
            pid=os.getpid(),
            model=self._replica.model.name,
            shape=self._shape,
            holding=holding,
        )
        answer: LeaseAnswer = await self._scheduler.lease.remote(report)
        return answer

    async def denoise(
        self, order: DenoiseOrder, spec: ClipSpec, encoded: Encoded
    ) -> AsyncGenerator[StepEvent, None]:
        """Run one attempt from its newest checkpoint, or from `encoded`; stream what happens.

        The stream ends with a `latents` event, or earlier when the lease was lost. Closing or
        cancelling it stops the gang after the running step.
        """
        async with self._lock:
            denoising = await self._open(order, spec, encoded)
            yield self._event("started", denoising.step, seconds=encoded.seconds)
            runner = StepRunner(
                denoising, checkpoint_every_s=self._replica.settings.jobs.checkpoint_every_s
            )
            # Closed before the lock is let go: a stream may be thrown away between two events.
            async with aclosing(self._run(order, denoising, runner)) as events:
                async for event in events:
                    yield event

    async def _open(self, order: DenoiseOrder, spec: ClipSpec, encoded: Encoded) -> Denoising:
        """The attempt at its starting point: the newest checkpoint that can be used, or step 0."""
        for info in reversed(await self._replica.artifacts.list(checkpoint_prefix(order.job_id))):
            blob = await self._replica.artifacts.get(info.key)
            try:
                return await self._device.call(
                    lambda blob=blob: self._stage.resume(spec, unpack(blob, "checkpoint"))  # type: ignore[misc]
                )
            except (ParcelError, StaleCheckpoint) as error:
                log.warning("dropping a checkpoint: %s", error, extra={"job_id": order.job_id})
                await self._replica.artifacts.delete([info.key])
        return await self._device.call(
            lambda: self._stage.begin(spec, unpack(encoded.parcel, "conditioning"))
        )

    async def _run(
        self, order: DenoiseOrder, denoising: Denoising, runner: StepRunner
    ) -> AsyncGenerator[StepEvent, None]:
        steps: asyncio.Queue[Stepped | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def work() -> bool:
            try:
                return runner.run(lambda step: loop.call_soon_threadsafe(steps.put_nowait, step))
            finally:
                loop.call_soon_threadsafe(steps.put_nowait, None)

        with self._lease.holding(order, denoising.step, on_lost=runner.stop):
            running = asyncio.create_task(self._device.call(work))
            try:
                while (stepped := await steps.get()) is not None:
                    async for event in self._record(order, stepped):
                        yield event
                finished = await running
            finally:
                runner.stop()
                running.cancel()
                await settle(running)
            if not finished:
                checkpoint = await self._device.call(denoising.checkpoint)
                await self._store_checkpoint(order, denoising.step, checkpoint)
                return
            yield await self._store_latents(order, denoising)

    async def _record(self, order: DenoiseOrder, stepped: Stepped) -> AsyncIterator[StepEvent]:
        self._lease.stepped(stepped.step)
        log.debug(
            "step %d",
            stepped.step,
            extra={
                "job_id": order.job_id,
                "attempt": order.attempt,
                "step": stepped.step,
                "began_at": stepped.started_at,
                "seconds": stepped.seconds,
            },
        )
        yield self._event("step", stepped.step, seconds=stepped.seconds)
        if stepped.checkpoint is not None:
            await self._store_checkpoint(order, stepped.step, stepped.checkpoint)
            yield self._event("checkpoint", stepped.step)

    async def _store_checkpoint(self, order: DenoiseOrder, step: int, parcel: Parcel) -> None:
        artifacts = self._replica.artifacts
        blob = await asyncio.to_thread(parcel.pack)
        await artifacts.put(checkpoint_key(order.job_id, step), blob)
        old = (await artifacts.list(checkpoint_prefix(order.job_id)))[:-KEPT_CHECKPOINTS]
        await artifacts.delete([info.key for info in old])

    async def _store_latents(self, order: DenoiseOrder, denoising: Denoising) -> StepEvent:
        blob = await self._device.call(lambda: denoising.latents().pack())
        await self._replica.artifacts.put(latents_key(order.job_id), blob)
        digest = await asyncio.to_thread(lambda: hashlib.sha256(blob).hexdigest())
        return self._event("latents", denoising.step, digest=digest)

    def _event(self, kind: Any, step: int, *, seconds: float = 0.0, digest: str = "") -> StepEvent:
        return StepEvent(kind=kind, step=step, replica=self._name, seconds=seconds, digest=digest)
