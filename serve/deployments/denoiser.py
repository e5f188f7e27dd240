"""The denoise stage as a replica: a gang that runs one job at a time and obeys its lease."""

import asyncio
import logging
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from ray import serve as ray_serve

from pipelines.handoff import ParcelError
from pipelines.parallel.shape import GangShape
from pipelines.spec import ClipSpec
from pipelines.stages.denoise import StaleCheckpoint
from pipelines.stages.denoiser import check_attention
from pipelines.tuning.offload import Offload, retreat_from
from serve.messages import (
    DenoiseOrder,
    Encoded,
    Holding,
    LeaseAnswer,
    LeaseReport,
    StepEvent,
)
from serve.replicas.denoising_files import DenoisingFiles
from serve.replicas.device_thread import DeviceThread, settle
from serve.replicas.faults import Fault
from serve.replicas.fitness import Fitness
from serve.replicas.gang import Gang, GangJob, start_gang
from serve.replicas.lease import LeaseHolder
from serve.replicas.replica import StageReplica, open_replica
from serve.replicas.second_chance import SecondChances
from serve.replicas.steps import Stepped, StepRunner
from serve.replicas.vital_signs import VitalSigns
from serve.rounds import check_alive

log = logging.getLogger(__name__)


class Denoiser:
    """One gang of a model. Its lock is held from a job's first step to its last."""

    async def __init__(  # type: ignore[misc]
        self, values: dict[str, Any], model_name: str, shape: GangShape
    ) -> None:
        began = time.monotonic()
        self._device = DeviceThread("denoise")
        self._shape = shape
        here = self._replica = await self._device.call(lambda: _open(values, model_name, shape))
        self._gang = await self.form(values)
        self._attention = await self._device.call(
            lambda: self._gang.use_attention(here.model.attention)
        )
        self._retreat = retreat_from(here.model.offload, here.device, num_ranks=shape.world)
        self._files = DenoisingFiles(here.artifacts)
        self._fitness = Fitness(self._gang.end)
        self._device.on_error = self._fitness.hear
        self._lock = asyncio.Lock()
        self._name = ray_serve.get_replica_context().replica_id.unique_id
        self._scheduler = ray_serve.get_deployment_handle("Scheduler")
        self._lease = LeaseHolder(
            self._ask,
            period_s=here.settings.lease.period_s,
            timeout_s=here.settings.lease.timeout_s,
        )
        self._signs = VitalSigns(began, self._gang.gpus)
        self._reading = asyncio.create_task(self._signs.run())  # which nothing depends on
        loops = {"lease": self._lease.run(), "watch": self._gang.watching()}
        self._tasks = [asyncio.create_task(loop, name=name) for name, loop in loops.items()]

    async def form(self, values: dict[str, Any]) -> Gang:
        """The gang, its ranks loaded. A rehearsal has another that does not compute."""
        return await start_gang(self._device, self._replica, values, self._shape)

    async def check_health(self) -> None:
        """Unhealthy once the device is lost, or a loop has died: the gang would run unseen."""
        self._fitness.check()
        check_alive(self._tasks)

    async def _ask(self, holding: Holding | None) -> LeaseAnswer:
        self._fitness.check()  # a gang that is about to end is none to send a job to
        report = LeaseReport(
            replica=self._name,
            pid=os.getpid(),
            model=self._replica.model.name,
            shape=str(self._shape),
            devices=self._shape.world,
            holding=holding,
            attention=self._attention,
            device_bytes=self._replica.memory_bytes,
            vitals=self._signs.now(),
        )
        answer: LeaseAnswer = await self._scheduler.lease.remote(report)
        return answer

    async def denoise(
        self, order: DenoiseOrder, spec: ClipSpec, encoded: Encoded
    ) -> AsyncGenerator[StepEvent, None]:
        """Run one attempt from its newest checkpoint, or from `encoded`; stream what happens.

        The stream ends with a `latents` event, or earlier when the lease was lost. Closing or
        cancelling it stops the gang after the running step. Raises `JobFault` for a job that fails
        wherever it runs.
        """
        async with self._lock, self._fitness.judged():
            try:
                # Closed before the lock is let go: a stream may be thrown away between two events.
                async with aclosing(self._carry_through(order, spec, encoded)) as events:
                    async for event in events:
                        yield event
            finally:
                if not self._fitness.lost:  # ranks that are stuck would never come to it
                    await self._device.call(self._gang.drop)

    async def _carry_through(
        self, order: DenoiseOrder, spec: ClipSpec, encoded: Encoded
    ) -> AsyncGenerator[StepEvent, None]:
        """To the end, with a second chance for what may have been chance."""
        chances, first = SecondChances(spec, self._retreat.said), True
        offload = self._replica.model.offload
        while True:
            try:
                job = await self._open(order, spec, encoded, offload)
                yield self._started(job, encoded if first else None)
                first = False
                async with aclosing(self._run(order, job)) as events:
                    async for event in events:
                        yield event
                return
            except Exception as error:
                fault = chances.take(error)
            if fault is Fault.MEMORY:
                # From the last checkpoint, until the attempt ends; the next job is as usual.
                how, offload = self._retreat.said, self._retreat.mode
            else:
                how = "from the start"
                await self._files.start_over(order.job_id)
            said = f"{fault.name.lower()}, {how}"
            log.warning("trying again: %s", said, extra={"job_id": order.job_id})

    async def _open(
        self, order: DenoiseOrder, spec: ClipSpec, encoded: Encoded, offload: Offload
    ) -> GangJob:
        """The attempt at its starting point: the newest checkpoint that can be used, or step 0."""
        await self._device.call(lambda: self._gang.use_offload(offload))
        async for key, blob in self._files.checkpoints(order.job_id):
            try:
                return await self._device.call(
                    lambda blob=blob: self._gang.resume(order, spec, blob)  # type: ignore[misc]
                )
            except (ParcelError, StaleCheckpoint) as error:
                log.warning("dropping a checkpoint: %s", error, extra={"job_id": order.job_id})
                await self._files.remove(key)
        return await self._device.call(lambda: self._gang.begin(order, spec, encoded.parcel))

    async def _run(self, order: DenoiseOrder, job: GangJob) -> AsyncGenerator[StepEvent, None]:
        every_s = self._replica.settings.jobs.checkpoint_every_s
        runner = StepRunner(job, checkpoint_every_s=every_s)
        steps: asyncio.Queue[Stepped | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def work() -> bool:
            return runner.run(lambda step: loop.call_soon_threadsafe(steps.put_nowait, step))

        with self._lease.holding(order, job.step, on_lost=runner.stop):
            running = asyncio.create_task(self._device.call(work))
            running.add_done_callback(lambda _: steps.put_nowait(None))
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
                checkpoint = await self._device.call(job.checkpoint)
                await self._files.keep_checkpoint(order.job_id, job.step, checkpoint)
                yield self._event("checkpoint", job.step)
                return
            blob = await self._device.call(lambda: job.latents().pack())
            digest = await self._files.keep_latents(order.job_id, blob)
            yield self._event("latents", job.step, digest=digest)

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
            await self._files.keep_checkpoint(order.job_id, stepped.step, stepped.checkpoint)
            yield self._event("checkpoint", stepped.step)

    def _started(self, job: GangJob, encoded: Encoded | None) -> StepEvent:
        """The encoding is told once."""
        if encoded is None:
            return self._event("started", job.step)
        started = self._event("started", job.step, seconds=encoded.seconds)
        return replace(started, cached=encoded.cached)

    def _event(self, kind: Any, step: int, *, seconds: float = 0.0, digest: str = "") -> StepEvent:
        return StepEvent(kind=kind, step=step, replica=self._name, seconds=seconds, digest=digest)


def _open(values: dict[str, Any], model_name: str, shape: GangShape) -> StageReplica:
    """Kernels that are not there are told of before anything is loaded."""
    here = open_replica(values, model_name, "denoiser")
    check_attention(
        here.model.attention, here.checkpoint, shape, dtype=here.dtype, device=here.device
    )
    return here
