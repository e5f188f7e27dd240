"""Where clips, pictures, checkpoints and latents are kept: objects by key.

Keys of a job: `jobs/<id>/input`, `jobs/<id>/checkpoints/<step>`, `jobs/<id>/latents`,
`jobs/<id>/clips/<attempt>/{video.mp4,thumbnail.webp,spritesheet.webp}`.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class ArtifactMissing(Exception):
    """There is no object under this key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactInfo:
    """Size in bytes, a validator for HTTP, and the time of the last change (Unix seconds)."""

    key: str
    size_bytes: int
    etag: str
    modified_at: float


class ArtifactStore(Protocol):
    """Objects appear whole or not at all; a put replaces; a missing key raises ArtifactMissing."""

    async def put(self, key: str, blob: bytes) -> None: ...

    async def put_file(self, key: str, path: Path) -> None: ...

    async def get(self, key: str) -> bytes: ...

    async def info(self, key: str) -> ArtifactInfo: ...

    def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Bytes [start, end) in chunks."""
        ...

    async def list(self, prefix: str) -> list[ArtifactInfo]:
        """All objects below `prefix` (a folder: ends with '/'), in key order."""
        ...

    async def delete(self, keys: "list[str]") -> None:
        """Remove objects; missing ones are no error."""
        ...

    async def delete_prefix(self, prefix: str) -> None: ...


def input_key(job_id: str) -> str:
    return f"jobs/{job_id}/input"


def checkpoint_prefix(job_id: str) -> str:
    return f"jobs/{job_id}/checkpoints/"


def checkpoint_key(job_id: str, step: int) -> str:
    """Zero-padded, so that key order is step order."""
    return f"{checkpoint_prefix(job_id)}{step:06d}"


def latents_key(job_id: str) -> str:
    return f"jobs/{job_id}/latents"


def clip_prefix(job_id: str, attempt: int) -> str:
    return f"jobs/{job_id}/clips/{attempt}/"


def job_prefix(job_id: str) -> str:
    return f"jobs/{job_id}/"
