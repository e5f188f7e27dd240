"""Which store the settings open, and what a store out of reach says."""

from pathlib import Path

import pytest

from serve.artifacts.location import in_memory_artifacts, open_artifacts
from serve.artifacts.store import ArtifactError, ArtifactMissing, input_key
from serve.settings.sections import Artifacts


async def test_the_default_is_a_folder_below_the_data_folder(tmp_path: Path) -> None:
    store = open_artifacts(Artifacts(), tmp_path / "data")
    await store.put(input_key("video_1"), b"picture")
    assert (tmp_path / "data/artifacts/jobs/video_1/input").read_bytes() == b"picture"
    await store.close()


async def test_two_stores_on_one_folder_see_the_same(tmp_path: Path) -> None:
    one, other = (open_artifacts(Artifacts(), tmp_path) for _ in range(2))
    await one.put("jobs/a/latents", b"x")
    assert await other.get("jobs/a/latents") == b"x"
    assert await other.info("jobs/a/latents") == await one.info("jobs/a/latents")
    await one.close()
    await other.close()


async def test_memory_stores_share_nothing() -> None:
    one, other = in_memory_artifacts(), in_memory_artifacts()
    await one.put("a", b"x")
    with pytest.raises(ArtifactMissing):
        await other.get("a")
    await one.close()
    await other.close()


async def test_a_folder_that_cannot_be_written_says_so_in_one_line(tmp_path: Path) -> None:
    store = open_artifacts(Artifacts(), tmp_path)
    (tmp_path / "artifacts/jobs").write_bytes(b"a file where a folder should be")
    with pytest.raises(ArtifactError) as refused:
        await store.put("jobs/a/latents", b"x")
    assert "\n" not in str(refused.value)
    assert "jobs/a/latents" in str(refused.value)
    await store.close()
