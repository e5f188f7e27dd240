"""How the stores do, as the Scheduler's process sees it, and the room that is left for clips."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from serve.artifacts.local_folder import free_bytes
from serve.artifacts.object_store import ObjectArtifacts
from serve.jobs.database import Engines
from serve.settings import Settings
from serve.telemetry.cluster_metrics import Role, Store


class Recorder(Protocol):
    """What is measured of stores."""

    def store_errors(self, store: Store, role: Role, count: int) -> None: ...
    def disk(self, free_bytes: int | None, least_bytes: int) -> None: ...


class StoreFaults:
    """`counts` are this process's faults so far: of the job store, of the artifact store."""

    def __init__(
        self,
        counts: Callable[[], tuple[int, int]],
        free: Callable[[], int | None],
        *,
        least_bytes: int,
    ) -> None:
        self._counts = counts
        self._free = free
        self._least_bytes = least_bytes
        self._told = (0, 0)
        self._free_bytes: int | None = None

    async def look(self) -> None:
        """Ask for the free space: a file system of the network may take its time."""
        self._free_bytes = await asyncio.to_thread(self._free)

    def measure(self, recorder: Recorder) -> None:
        """What came since the last time."""
        of_jobs, of_artifacts = counts = self._counts()
        recorder.store_errors("jobs", "scheduler", of_jobs - self._told[0])
        recorder.store_errors("artifacts", "scheduler", of_artifacts - self._told[1])
        self._told = counts
        recorder.disk(self._free_bytes, self._least_bytes)


def open_faults(settings: Settings, engines: Engines, artifacts: ObjectArtifacts) -> StoreFaults:
    """For these stores; a bucket has no free space to tell."""
    return StoreFaults(
        lambda: (engines.faults.count, artifacts.num_faults),
        lambda: None if settings.artifacts.url else free_bytes(settings.data_dir),
        least_bytes=settings.artifacts.min_free_bytes,
    )
