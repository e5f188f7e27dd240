"""The artifact store over obstore: one code path for a local folder, S3 and memory.

The library's own calls run on a thread pool rather than as its coroutines: those may still touch
the interpreter after they returned, which aborts a process that ends right then.
"""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, MemoryStore, S3Store

from serve.artifacts.local_folder import make_durable, sweep_staging
from serve.artifacts.store import ArtifactError, ArtifactInfo, ArtifactMissing

if TYPE_CHECKING:
    from obstore import ObjectMeta

CHUNK_BYTES = 1_048_576
UPLOAD_PART_BYTES = 8 * 1_048_576
UPLOAD_PARTS_AT_ONCE = 4
CALLS_AT_ONCE = 16
SEGMENT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")

Listing = list[ArtifactInfo]
P = ParamSpec("P")
T = TypeVar("T")


class ObjectArtifacts:
    """An `ArtifactStore`; `local_root` names the folder of a local store.

    Safe to use from any thread and event loop.
    """

    def __init__(
        self, store: LocalStore | S3Store | MemoryStore, *, local_root: Path | None = None
    ) -> None:
        self._store = store
        self._local_root = local_root
        self._pool = ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="artifacts")
        self.num_faults = 0
        """Calls that failed whoever asked; an object that is not there is no fault of the store."""

    async def put(self, key: str, blob: bytes) -> None:
        await self._call(self._put, check_key(key), blob)

    async def put_file(self, key: str, path: Path) -> None:
        await self._call(self._put_file, check_key(key), path)

    async def get(self, key: str) -> bytes:
        return await self._call(self._get, check_key(key))

    async def info(self, key: str) -> ArtifactInfo:
        return await self._call(self._info, check_key(key))

    async def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """One ranged read a chunk, so that a slow reader holds no connection to the store."""
        size_bytes = (await self.info(key)).size_bytes
        end = min(end, size_bytes)
        for at in range(start, end, CHUNK_BYTES):
            yield await self._call(self._range, key, at, min(at + CHUNK_BYTES, end))

    async def list(self, prefix: str) -> Listing:
        return await self._call(self._list, check_prefix(prefix))

    async def delete(self, keys: Sequence[str]) -> None:
        await self._call(self._delete, [check_key(key) for key in keys])

    async def delete_prefix(self, prefix: str) -> None:
        found = await self.list(prefix)
        await self._call(self._delete, [info.key for info in found])
        if self._local_root is not None:
            await self._call(sweep_staging, self._local_root / prefix, written_before=None)

    async def sweep(self, *, written_before: float) -> int:
        if self._local_root is None:
            return 0
        return await self._call(sweep_staging, self._local_root, written_before=written_before)

    async def check(self) -> None:
        """Raise `ArtifactError` unless objects can be written and removed here."""
        key = f"checks/{uuid.uuid4().hex}"
        await self.put(key, b"")
        await self.delete([key])

    async def close(self) -> None:
        await asyncio.to_thread(self._pool.shutdown)

    async def _call(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._pool, lambda: work(*args, **kwargs))
        except ArtifactMissing:
            raise
        except ArtifactError:
            self.num_faults += 1
            raise

    def _put(self, key: str, content: bytes | Path) -> None:
        try:
            with _plain_errors(key):
                obstore.put(
                    self._store,
                    key,
                    content,
                    chunk_size=UPLOAD_PART_BYTES,
                    max_concurrency=UPLOAD_PARTS_AT_ONCE,
                )
        except ArtifactMissing as missing:
            raise ArtifactError(f"artifact store: no bucket to put `{key}` in") from missing
        if self._local_root is not None:
            make_durable(self._local_root / key)

    def _put_file(self, key: str, path: Path) -> None:
        path.stat()  # a source that is not there is no missing artifact: FileNotFoundError
        self._put(key, path)

    def _get(self, key: str) -> bytes:
        with _plain_errors(key):
            return obstore.get(self._store, key).bytes().to_bytes()

    def _range(self, key: str, start: int, end: int) -> bytes:
        with _plain_errors(key):
            return obstore.get_range(self._store, key, start=start, end=end).to_bytes()

    def _info(self, key: str) -> ArtifactInfo:
        with _plain_errors(key):
            return _as_info(obstore.head(self._store, key))

    def _list(self, prefix: str) -> Listing:
        with _plain_errors(prefix):
            found = obstore.list(self._store, prefix).collect()
        return sorted(map(_as_info, found), key=lambda info: info.key)

    def _delete(self, keys: Sequence[str]) -> None:
        """In bulk; a store that stops at a missing key is asked again key by key."""
        if not keys:
            return
        with _plain_errors(keys[0]):
            try:
                obstore.delete(self._store, keys)
            except FileNotFoundError:
                for key in keys:
                    self._delete_one(key)

    def _delete_one(self, key: str) -> None:
        try:
            obstore.delete(self._store, key)
        except FileNotFoundError:
            return


def check_key(key: str) -> str:
    """The key itself; raises `ValueError` unless it is plain segments joined by '/'."""
    if not all(SEGMENT.fullmatch(segment) for segment in key.split("/")):
        raise ValueError(f"not an artifact key: {key!r}")
    return key


def check_prefix(prefix: str) -> str:
    """The prefix itself; raises `ValueError` unless it is a key followed by '/'."""
    if not prefix.endswith("/"):
        raise ValueError(f"not an artifact prefix (it must end with '/'): {prefix!r}")
    check_key(prefix[:-1])
    return prefix


def _as_info(meta: "ObjectMeta") -> ArtifactInfo:
    return ArtifactInfo(
        key=meta["path"],
        size_bytes=meta["size"],
        etag=meta["e_tag"] or f'"{meta["size"]:x}-{meta["last_modified"].timestamp():.6f}"',
        modified_at=meta["last_modified"].timestamp(),
    )


@contextmanager
def _plain_errors(key: str) -> Iterator[None]:
    """Say in one line what the library says in a page of nested debug output."""
    try:
        yield
    except FileNotFoundError as error:
        raise ArtifactMissing(key) from error
    except (BaseError, OSError) as error:
        first_line = str(error).partition("\n")[0]
        raise ArtifactError(f"artifact store: {first_line} (`{key}`)") from error
