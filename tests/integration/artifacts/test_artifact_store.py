"""What every artifact store does, wherever it keeps its objects."""

import asyncio
import hashlib
import os
import threading
import time
from pathlib import Path

import pytest

from serve.artifacts.object_store import CHUNK_BYTES, ObjectArtifacts
from serve.artifacts.store import ArtifactMissing, checkpoint_key, checkpoint_prefix

KEY = "jobs/video_1/latents"


async def read(store: ObjectArtifacts, key: str, start: int, end: int) -> list[bytes]:
    return [chunk async for chunk in store.stream(key, start, end)]


@pytest.mark.parametrize("blob", [b"", b"x", bytes(range(256)) * 300])
async def test_what_was_put_comes_back(store: ObjectArtifacts, blob: bytes) -> None:
    await store.put(KEY, blob)
    assert await store.get(KEY) == blob
    assert (await store.info(KEY)).size_bytes == len(blob)


async def test_a_put_replaces_and_changes_the_validator(store: ObjectArtifacts) -> None:
    await store.put(KEY, b"first")
    first = await store.info(KEY)
    assert await store.info(KEY) == first
    await store.put(KEY, b"second version")
    second = await store.info(KEY)
    assert await store.get(KEY) == b"second version"
    assert second.etag != first.etag
    assert all(info.etag.startswith('"') and info.etag.endswith('"') for info in (first, second))


async def test_info_tells_when_an_object_changed(store: ObjectArtifacts) -> None:
    before = time.time()
    await store.put(KEY, b"now")
    changed = (await store.info(KEY)).modified_at
    assert before - 2 <= changed <= time.time() + 2, "S3 counts whole seconds"


async def test_a_large_file_is_stored_whole(store: ObjectArtifacts, tmp_path: Path) -> None:
    source = tmp_path / "video.mp4"
    source.write_bytes(os.urandom(30_000_001))
    await store.put_file("jobs/video_1/clips/1/video.mp4", source)
    chunks = await read(store, "jobs/video_1/clips/1/video.mp4", 0, 30_000_001)
    assert max(map(len, chunks)) <= CHUNK_BYTES
    assert hashlib.sha256(b"".join(chunks)).digest() == hashlib.sha256(source.read_bytes()).digest()


async def test_a_large_blob_is_stored_whole(store: ObjectArtifacts) -> None:
    blob = os.urandom(30_000_000)
    await store.put(KEY, blob)
    assert await store.get(KEY) == blob


@pytest.mark.parametrize(
    ("start", "end"),
    [(0, 1), (0, 10), (3, 7), (9, 10), (5, 5), (9, 100), (10, 11), (50, 60)],
)
async def test_ranges_are_those_of_a_slice(store: ObjectArtifacts, start: int, end: int) -> None:
    await store.put(KEY, b"0123456789")
    assert b"".join(await read(store, KEY, start, end)) == b"0123456789"[start:end]


async def test_a_range_may_cross_chunks(store: ObjectArtifacts) -> None:
    blob = os.urandom(2 * CHUNK_BYTES + 500)
    await store.put(KEY, blob)
    start, end = CHUNK_BYTES - 10, 2 * CHUNK_BYTES + 20
    assert b"".join(await read(store, KEY, start, end)) == blob[start:end]


async def test_a_missing_key_is_named(store: ObjectArtifacts, tmp_path: Path) -> None:
    for question in (store.get(KEY), store.info(KEY), read(store, KEY, 0, 1)):
        with pytest.raises(ArtifactMissing, match=KEY):
            await question


async def test_a_folder_is_no_object(store: ObjectArtifacts) -> None:
    await store.put(KEY, b"x")
    with pytest.raises(ArtifactMissing):
        await store.get("jobs/video_1")


async def test_lists_a_prefix_in_key_order(store: ObjectArtifacts) -> None:
    for step in (10, 2, 100, 1):
        await store.put(checkpoint_key("video_1", step), b"c" * step)
    await store.put(KEY, b"not a checkpoint")
    await store.put(checkpoint_key("video_10", 7), b"of another job")
    found = await store.list(checkpoint_prefix("video_1"))
    assert [info.key for info in found] == [checkpoint_key("video_1", s) for s in (1, 2, 10, 100)]
    assert [info.size_bytes for info in found] == [1, 2, 10, 100]
    assert found[0] == await store.info(checkpoint_key("video_1", 1))
    assert await store.list("jobs/video_2/") == []


async def test_delete_takes_what_is_there_and_ignores_the_rest(store: ObjectArtifacts) -> None:
    keys = [checkpoint_key("video_1", step) for step in range(4)]
    for key in keys[1:]:
        await store.put(key, b"c")
    await store.delete([keys[0], keys[1], "jobs/video_9/none", keys[3]])
    assert [info.key for info in await store.list(checkpoint_prefix("video_1"))] == [keys[2]]
    await store.delete([])
    await store.delete(keys)
    assert await store.list("jobs/") == []


async def test_delete_prefix_takes_that_job_only(store: ObjectArtifacts) -> None:
    for key in ("jobs/video_1/latents", "jobs/video_1/clips/1/video.mp4", "jobs/video_10/latents"):
        await store.put(key, b"x")
    await store.delete_prefix("jobs/video_1/")
    await store.delete_prefix("jobs/video_1/")
    assert [info.key for info in await store.list("jobs/")] == ["jobs/video_10/latents"]


async def test_concurrent_puts_of_many_keys(store: ObjectArtifacts) -> None:
    blobs = {checkpoint_key("video_1", step): os.urandom(10_000) for step in range(40)}
    await asyncio.gather(*(store.put(key, blob) for key, blob in blobs.items()))
    assert [info.key for info in await store.list("jobs/")] == sorted(blobs)
    assert await asyncio.gather(*map(store.get, blobs)) == list(blobs.values())


async def test_concurrent_puts_of_one_key_leave_one_of_them_whole(store: ObjectArtifacts) -> None:
    versions = [bytes([version]) * 500_000 for version in range(12)]

    async def reads() -> None:
        for _ in range(10):
            assert await store.get(KEY) in versions

    await store.put(KEY, versions[0])
    await asyncio.gather(reads(), *(store.put(KEY, version) for version in versions))
    assert await store.get(KEY) in versions


async def test_serves_several_event_loops_at_once(store: ObjectArtifacts) -> None:
    outcomes: list[bytes] = []

    def from_another_loop(number: int) -> None:
        async def round_trip() -> bytes:
            await store.put(f"jobs/video_{number}/latents", b"%d" % number)
            return await store.get(f"jobs/video_{number}/latents")

        outcomes.append(asyncio.run(round_trip()))

    threads = [threading.Thread(target=from_another_loop, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    assert sorted(outcomes) == [b"0", b"1", b"2", b"3"]


async def test_deleting_and_writing_at_once_is_calm(store: ObjectArtifacts) -> None:
    async def write_and_clear(number: int) -> None:
        for step in range(5):
            await store.put(checkpoint_key(f"video_{number}", step), b"c")
            await store.list("jobs/")
            await store.delete_prefix(checkpoint_prefix(f"video_{number}"))

    await asyncio.gather(*map(write_and_clear, range(6)))
    assert await store.list("jobs/") == []


async def test_a_file_that_is_not_there_cannot_be_stored(
    store: ObjectArtifacts, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError, match="no-such-file"):
        await store.put_file(KEY, tmp_path / "no-such-file")


@pytest.mark.parametrize(
    "key",
    ["", "/abs", "a//b", "a/", "../up", "a/../../b", "a/..", ".", "a b", "a#1", "ä", "a\0b", ".x"],
)
async def test_odd_keys_are_refused(store: ObjectArtifacts, key: str) -> None:
    for attempt in (store.put(key, b"x"), store.get(key), store.info(key), store.delete([key])):
        with pytest.raises(ValueError, match="not an artifact key"):
            await attempt
    with pytest.raises(ValueError, match="not an artifact"):
        await store.list(f"{key}/")
    with pytest.raises(ValueError, match="not an artifact"):
        await store.delete_prefix(f"{key}/")
    with pytest.raises(ValueError, match="must end with"):
        await store.list("jobs")


async def test_a_check_leaves_nothing_behind(store: ObjectArtifacts) -> None:
    await store.check()
    assert await store.list("checks/") == []
