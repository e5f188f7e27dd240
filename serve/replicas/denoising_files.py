"""What a gang keeps of a job it denoises: checkpoints on the way, and the latents at the end."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

from pipelines.handoff import Parcel
from serve.artifacts.store import ArtifactStore, checkpoint_key, checkpoint_prefix, latents_key

KEPT_CHECKPOINTS = 2


class DenoisingFiles:
    """Artifacts of jobs; packing and hashing stay off the event loop."""

    def __init__(self, artifacts: ArtifactStore) -> None:
        self._artifacts = artifacts

    async def checkpoints(self, job_id: str) -> AsyncIterator[tuple[str, bytes]]:
        """Keys and contents, newest first."""
        for info in reversed(await self._artifacts.list(checkpoint_prefix(job_id))):
            yield info.key, await self._artifacts.get(info.key)

    async def remove(self, key: str) -> None:
        """One checkpoint that is of no use."""
        await self._artifacts.delete([key])

    async def start_over(self, job_id: str) -> None:
        """All checkpoints, so that the job begins at step 0."""
        await self._artifacts.delete_prefix(checkpoint_prefix(job_id))

    async def keep_checkpoint(self, job_id: str, step: int, parcel: Parcel) -> None:
        """The newest; the oldest goes."""
        blob = await asyncio.to_thread(parcel.pack)
        await self._artifacts.put(checkpoint_key(job_id, step), blob)
        old = (await self._artifacts.list(checkpoint_prefix(job_id)))[:-KEPT_CHECKPOINTS]
        await self._artifacts.delete([info.key for info in old])

    async def keep_latents(self, job_id: str, blob: bytes) -> str:
        """The packed latents; their SHA-256."""
        await self._artifacts.put(latents_key(job_id), blob)
        return await asyncio.to_thread(lambda: hashlib.sha256(blob).hexdigest())
