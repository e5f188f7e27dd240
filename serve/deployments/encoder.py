"""The encode stage as a replica: a prompt, and maybe a picture, become conditioning."""

import logging
import time
from typing import Any

from pipelines.spec import ClipRequest, ClipSpec, resolve
from pipelines.stages.encode import EncodeStage
from serve.artifacts.store import input_key
from serve.messages import Encoded
from serve.replicas.conditioning_cache import ConditioningCache
from serve.replicas.device_thread import DeviceThread
from serve.replicas.encode_queue import EncodeQueue
from serve.replicas.fitness import Fitness
from serve.replicas.replica import StageReplica, open_replica
from serve.replicas.second_chance import with_second_chance
from serve.replicas.stage_reports import StageReports

log = logging.getLogger(__name__)


class Encoder:
    """One replica of a model's encode stage."""

    async def __init__(self, values: dict[str, Any], model_name: str) -> None:  # type: ignore[misc]
        began = time.monotonic()
        self._device = DeviceThread("encode")
        self._fitness = Fitness()
        self._device.on_error = self._fitness.hear
        self._replica = await self._device.call(lambda: open_replica(values, model_name, "encoder"))
        here = self._replica
        stage = await self._device.call(lambda: self.load(here))
        wanted = here.model.encoder
        self._queue = EncodeQueue(
            stage,
            self._device,
            ConditioningCache(wanted.cache_bytes),
            batch=await self._device.call(lambda: _batch(stage, here)),
        )
        period_s = here.settings.lease.period_s
        self._reports = StageReports(model_name, "encode", began=began, every_s=period_s)

    def load(self, here: StageReplica) -> EncodeStage:
        """What encodes, loaded. A rehearsal has another that does not compute."""
        return EncodeStage.load(
            here.checkpoint, dtype=here.dtype, device=here.device, offload=here.model.offload
        )

    async def check_health(self) -> None:
        """Unhealthy once the device is lost."""
        self._fitness.check()

    async def ready(self) -> bool:
        """Answers once the stage is loaded."""
        return True

    async def encode(self, job_id: str, spec: ClipSpec) -> Encoded:
        """The job's conditioning; its picture is read from the artifact store."""
        artifacts = self._replica.artifacts
        picture = await artifacts.get(input_key(job_id)) if spec.has_image else None
        async with self._fitness.judged():
            with self._reports.at_work():
                encoded = await with_second_chance(
                    spec, lambda _: self._queue.encoded(spec, picture)
                )
        log.debug(
            "encoded",
            extra={
                "job_id": job_id,
                "stage": "encode",
                "began_at": time.time() - encoded.seconds,
                "seconds": encoded.seconds,
            },
        )
        return encoded


def _batch(stage: EncodeStage, here: StageReplica) -> int:
    """How many prompts may go together here."""
    limits = here.checkpoint.family.limits
    if limits.image == "required":  # no prompt comes without a picture
        return 1
    probe = resolve(ClipRequest(prompt="a"), limits, fresh_seed=0)
    found = stage.neutral_batch(probe, here.model.encoder.batch)
    log.info("prompts encoded together: at most %d", found, extra={"model": here.model.name})
    return found
