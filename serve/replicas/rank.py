"""One rank of a gang: it holds its part of the denoiser, and takes each step with all others."""

import os
from collections.abc import Callable
from typing import Any, Protocol

from pipelines.handoff import Parcel, unpack
from pipelines.parallel.group import RankGroup
from pipelines.parallel.shape import GangShape
from pipelines.spec import ClipSpec
from pipelines.stages.denoise import DenoiseStage
from pipelines.tuning.offload import Offload
from serve.messages import DenoiseOrder
from serve.replicas.device_thread import DeviceThread
from serve.replicas.memory import contained
from serve.replicas.replica import StageReplica, open_replica
from serve.replicas.steps import Steps
from serve.replicas.vital_signs import own_gpus


class OutOfStep(Exception):
    """A rank was asked for a step of another job, attempt or number than it is at."""


class Denoising(Steps, Protocol):
    """A job under way, as `pipelines.stages.denoise` has it."""

    def latents(self) -> Parcel: ...


class Stage(Protocol):
    """The denoise stage, as `pipelines.stages.denoise` has it."""

    def use_attention(self, asked: str) -> str: ...
    def take_attention(self, kernel: str) -> None: ...
    def use_offload(self, mode: Offload) -> None: ...
    def begin(self, spec: ClipSpec, conditioning: Parcel) -> Denoising: ...
    def resume(self, spec: ClipSpec, checkpoint: Parcel) -> Denoising: ...


class Rank:
    """For one thread. All ranks of a gang are told the same, in the same order."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._order: DenoiseOrder | None = None
        self._denoising: Denoising | None = None

    def use_attention(self, asked: str) -> str:
        """Choose attention kernels, by what the settings ask for, and run with them."""
        return self._stage.use_attention(asked)

    def take_attention(self, kernel: str) -> None:
        """Run with the kernels that another rank chose."""
        self._stage.take_attention(kernel)

    def use_offload(self, mode: Offload) -> None:
        """Keep the weights this way; the job under way, if there is one, is let go."""
        self.drop()
        contained(lambda: self._stage.use_offload(mode))

    def begin(self, order: DenoiseOrder, spec: ClipSpec, conditioning: bytes) -> tuple[int, int]:
        """Take a job up at step 0; finished steps, and steps in all."""
        return self._take(
            order, lambda: self._stage.begin(spec, unpack(conditioning, "conditioning"))
        )

    def resume(self, order: DenoiseOrder, spec: ClipSpec, checkpoint: bytes) -> tuple[int, int]:
        """Take a job up where its checkpoint was taken; finished steps, and steps in all."""
        return self._take(order, lambda: self._stage.resume(spec, unpack(checkpoint, "checkpoint")))

    def advance(self, order: DenoiseOrder, step: int) -> int:
        """Take the step after the `step` finished ones; how many are finished then."""
        denoising = self.held(order)
        if denoising.step != step:
            raise OutOfStep(
                f"asked to go on from step {step} of {order.job_id}, attempt {order.attempt}, but "
                f"this rank is at step {denoising.step}"
            )
        contained(denoising.advance)
        return denoising.step

    def drop(self) -> None:
        """Let the job go."""
        self._order = self._denoising = None

    def held(self, order: DenoiseOrder) -> Denoising:
        """The job under way; raises `OutOfStep` if it is not that of `order`."""
        if self._denoising is None or self._order != order:
            raise OutOfStep(
                f"asked for {order.job_id}, attempt {order.attempt}, but this rank holds "
                + (
                    f"{self._order.job_id}, attempt {self._order.attempt}"
                    if self._order
                    else "none"
                )
            )
        return self._denoising

    def _take(self, order: DenoiseOrder, take: Callable[[], Denoising]) -> tuple[int, int]:
        self.drop()
        self._denoising = contained(take)
        self._order = order
        return self._denoising.step, self._denoising.steps


def load_rank(here: StageReplica, ranks: RankGroup | None) -> Rank:
    """The rank of this process, its part of the denoiser loaded."""
    return Rank(
        DenoiseStage.load(
            here.checkpoint,
            dtype=here.dtype,
            device=here.device,
            ranks=ranks,
            offload=here.model.offload,
        )
    )


class RankActor:
    """A rank other than rank 0, as a Ray actor: it answers also while its device is at work."""

    def __init__(self) -> None:
        self._device = DeviceThread("denoise")
        self._rank: Rank | None = None

    async def pid(self) -> int:
        """Of this process, which has started."""
        return os.getpid()

    async def gpus(self) -> list[str]:
        """Of this process, as Ray names them."""
        return own_gpus()

    async def load(
        self, values: dict[str, Any], model_name: str, shape: GangShape, rank: int, **meeting: Any
    ) -> None:
        """Meet the others at `meeting` (address, port, timeout_s), load this part."""

        def load() -> Rank:
            here = open_replica(values, model_name, "denoiser")
            return load_rank(here, RankGroup.join(shape, rank, device=here.device, **meeting))

        self._rank = await self._device.call(load)

    async def ping(self) -> None:
        """Answers while the process is alive and not stopped."""

    async def tell(self, method: str, *args: Any) -> Any:
        """What `method` of this rank answers."""
        return await self._device.call(lambda: getattr(self._rank, method)(*args))
