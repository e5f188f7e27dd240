"""Which shapes of gang a job may have, and what a gang of standard size is for it."""

import time
from collections.abc import Mapping

from serve.attempts.gangs import Gangs
from serve.jobs.job import Job
from serve.models import OfferedModel
from serve.settings.policy_rules import Placement


class Shapes:
    """By the settings, and by the memory that gangs have told of."""

    def __init__(
        self, models: Mapping[str, OfferedModel], gangs: Gangs, placement: Placement
    ) -> None:
        self._models = models
        self._gangs = gangs
        self._standard_devices = placement.standard_devices

    def of(self, job: Job) -> tuple[str, ...]:
        """None if its model is no longer offered."""
        if (model := self._models.get(job.model)) is None:
            return ()
        gang_bytes = self._gangs.device_bytes(job.model, time.monotonic())
        return tuple(str(shape) for shape in model.shapes_for(job.spec, gang_bytes))

    def standard(self, job: Job) -> int:
        """Devices of a gang of standard size, as near to it as the job's model has one."""
        return self.standard_of(job.model)

    def standard_of(self, name: str) -> int:
        """The same for a model by its name."""
        model = self._models.get(name)
        return model.standard_devices(self._standard_devices) if model else 1
