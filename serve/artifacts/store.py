"""Where clips, pictures, checkpoints and latents are kept: objects by key.

Keys of a job: `jobs/<id>/input`, `jobs/<id>/checkpoints/<step>`, `jobs/<id>/latents`,
`jobs/<id>/started-over`, `jobs/<id>/clips/<attempt>/{video.mp4,thumbnail.webp,spritesheet.webp}`.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol


class ArtifactError(Exception):
    """The store did not do what it was asked; the message is one line, fit for a log."""


class ArtifactMissing(ArtifactError):
    """There is no object under this key."""

    def __init__(self, key: str) -> None:
        super().__init__(f"there is no object `{key}`")
        self.key = key


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactInfo:
    """Size in bytes, a validator for HTTP (in its quotes), and the last change (Unix seconds)."""

    key: str
    size_bytes: int
    etag: str
    modified_at: float


class ArtifactStore(Protocol):
    """Objects appear whole or not at all; a put replaces; a missing key raises ArtifactMissing.

    Anything else that goes wrong raises `ArtifactError`, a key with odd characters `ValueError`.
    """

    async def put(self, key: str, blob: bytes) -> None: ...

    async def put_file(self, key: str, path: Path) -> None:
        """Store a file's content without holding it in memory; the file stays."""
        ...

    async def get(self, key: str) -> bytes: ...

    async def info(self, key: str) -> ArtifactInfo: ...

    def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Bytes [start, end) in chunks; `end` may lie past the end of the object."""
        ...

    async def list(self, prefix: str) -> list[ArtifactInfo]:
        """All objects below `prefix` (a folder: ends with '/'), in key order."""
        ...

    async def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; missing ones are no error."""
        ...

    async def delete_prefix(self, prefix: str) -> None:
        """Remove all below `prefix`, and what interrupted writes left there."""
        ...

    async def sweep(self, *, written_before: float) -> int:
        """Remove what writes interrupted before then (Unix seconds) left behind; how many files.

        Such remains are never visible as objects. A bucket's own lifecycle rule removes its
        incomplete uploads, so for S3 this does nothing.
        """
        ...

    async def close(self) -> None:
        """Let running calls end; the store is of no use afterwards."""
        ...


def input_key(job_id: str) -> str:
    return f"jobs/{job_id}/input"


def checkpoint_prefix(job_id: str) -> str:
    return f"jobs/{job_id}/checkpoints/"


def checkpoint_key(job_id: str, step: int) -> str:
    """Zero-padded, so that key order is step order."""
    return f"{checkpoint_prefix(job_id)}{step:06d}"


def latents_key(job_id: str) -> str:
    return f"jobs/{job_id}/latents"


def started_over_key(job_id: str) -> str:
    """There once the job was put back to step 0 because its frames were no picture."""
    return f"jobs/{job_id}/started-over"


def clip_prefix(job_id: str, attempt: int) -> str:
    return f"jobs/{job_id}/clips/{attempt}/"


def job_prefix(job_id: str) -> str:
    return f"jobs/{job_id}/"


CLIP_FILES = MappingProxyType(
    {"video": "video.mp4", "thumbnail": "thumbnail.webp", "spritesheet": "spritesheet.webp"}
)
"""The file of each content variant below a clip's prefix."""
