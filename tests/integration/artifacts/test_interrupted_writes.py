"""kill -9 of a writer, at any moment, never shows half an object."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from serve.artifacts.location import open_artifacts
from serve.artifacts.store import ArtifactMissing
from serve.settings.sections import Artifacts

SIZE_BYTES = 24_000_000
WRITER = f"""
import asyncio, itertools, pathlib, sys
from serve.artifacts.location import open_artifacts
from serve.settings.sections import Artifacts

async def main(folder, how):
    store = open_artifacts(Artifacts(), folder)
    for number in itertools.count():
        blob = bytes([number % 251]) * {SIZE_BYTES}
        if how == "put":
            await store.put("jobs/v/latents", blob)
        else:
            source = folder / "source"
            source.write_bytes(blob)
            await store.put_file("jobs/v/latents", source)
        print(number, flush=True)

asyncio.run(main(pathlib.Path(sys.argv[1]), sys.argv[2]))
"""


def start_writer(folder: Path, how: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), how], stdout=subprocess.PIPE, text=True
    )


def kill(writer: "subprocess.Popen[str]") -> None:
    writer.send_signal(signal.SIGKILL)
    writer.communicate()


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.0005)


def staging_files(folder: Path) -> list[Path]:
    return list((folder / "artifacts").rglob("*#*"))


def has_begun(folder: Path) -> bool:
    return bool(staging_files(folder))


@pytest.mark.parametrize("how", ["put", "put_file"])
async def test_a_first_write_that_is_killed_leaves_no_object(tmp_path: Path, how: str) -> None:
    for attempt in range(10):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        writer = start_writer(folder, how)
        wait_for(partial(has_begun, folder), "the write to begin")
        kill(writer)
        if staging_files(folder):
            break
    else:
        pytest.fail("no writer was killed while it wrote")
    store = open_artifacts(Artifacts(), folder)
    if not (folder / "artifacts/jobs/v/latents").exists():  # else a write had ended before
        assert await store.list("jobs/") == []
        with pytest.raises(ArtifactMissing):
            await store.info("jobs/v/latents")
    await store.put("jobs/v/latents", b"the next attempt")
    assert await store.get("jobs/v/latents") == b"the next attempt"
    await store.delete_prefix("jobs/v/")
    assert staging_files(folder) == []
    await store.close()


@pytest.mark.parametrize("how", ["put", "put_file"])
async def test_readers_see_whole_versions_through_many_kills(tmp_path: Path, how: str) -> None:
    chance = random.Random(7)
    store = open_artifacts(Artifacts(), tmp_path)
    for _ in range(6):
        writer = start_writer(tmp_path, how)
        assert writer.stdout is not None
        for _ in range(chance.randint(1, 4)):
            assert writer.stdout.readline()
        blob = await store.get("jobs/v/latents")
        assert blob == blob[:1] * SIZE_BYTES
        time.sleep(chance.random() / 50)  # somewhere in the middle of the next write
        kill(writer)
        blob = await store.get("jobs/v/latents")
        assert blob == blob[:1] * SIZE_BYTES
    await store.close()


async def test_a_sweep_takes_old_remains_only(tmp_path: Path) -> None:
    store = open_artifacts(Artifacts(), tmp_path)
    await store.put("jobs/a/latents", b"whole")
    old, young = tmp_path / "artifacts/jobs/a/latents#1", tmp_path / "artifacts/jobs/b/input#2"
    young.parent.mkdir()
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (1_000, 1_000))
    assert [info.key for info in await store.list("jobs/")] == ["jobs/a/latents"]
    assert await store.sweep(written_before=2_000) == 1
    assert (old.exists(), young.exists()) == (False, True)
    assert await store.get("jobs/a/latents") == b"whole"
    await store.close()


def test_a_process_that_used_the_store_exits_cleanly(tmp_path: Path) -> None:
    """A miss just before the end once aborted the interpreter while it shut down."""
    script = (
        "import asyncio, pathlib, sys\n"
        "from serve.artifacts.location import open_artifacts\n"
        "from serve.artifacts.store import ArtifactMissing\n"
        "from serve.settings.sections import Artifacts\n"
        "async def main():\n"
        "    store = open_artifacts(Artifacts(), pathlib.Path(sys.argv[1]))\n"
        "    await store.put('a', b'1')\n"
        "    try: await store.get('b')\n"
        "    except ArtifactMissing: pass\n"
        "asyncio.run(main())\n"
    )
    for _ in range(8):
        subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)
