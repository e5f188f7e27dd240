"""The encode stage as a replica: a prompt, and maybe a picture, become conditioning."""

import io
import time
from typing import Any

from PIL import Image

from pipelines.spec import ClipSpec
from pipelines.stages.encode import EncodeStage
from serve.artifacts.store import input_key
from serve.deployments.device_thread import DeviceThread
from serve.deployments.fitness import Fitness
from serve.deployments.memory import contained
from serve.deployments.replica import open_replica
from serve.deployments.second_chance import with_second_chance
from serve.messages import Encoded


class Encoder:
    """One replica of a model's encode stage."""

    async def __init__(self, values: dict[str, Any], model_name: str) -> None:  # type: ignore[misc]
        self._device = DeviceThread("encode")
        self._fitness = Fitness()
        self._replica = await self._device.call(lambda: open_replica(values, model_name, "encoder"))
        here = self._replica
        self._stage = await self._device.call(
            lambda: EncodeStage.load(
                here.checkpoint, dtype=here.dtype, device=here.device, offload=here.model.offload
            )
        )

    async def check_health(self) -> None:
        """Unhealthy once the device is lost."""
        self._fitness.check()

    async def ready(self) -> bool:
        """Answers once the stage is loaded."""
        return True

    async def encode(self, job_id: str, spec: ClipSpec) -> Encoded:
        """The job's conditioning; its picture is read from the artifact store."""
        picture: Image.Image | None = None
        if spec.has_image:
            blob = await self._replica.artifacts.get(input_key(job_id))
            picture = Image.open(io.BytesIO(blob))

        async def encode() -> Encoded:
            return await self._device.call(lambda: contained(lambda: self._encode(spec, picture)))

        async with self._fitness.judged():
            return await with_second_chance(spec, encode)

    def _encode(self, spec: ClipSpec, picture: Image.Image | None) -> Encoded:
        began = time.monotonic()
        parcel = self._stage.encode(spec, picture).pack()
        return Encoded(parcel=parcel, seconds=time.monotonic() - began)
