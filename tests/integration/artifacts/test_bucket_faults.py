"""What the S3 store says when the bucket is not as the settings say."""

from pathlib import Path

import pytest

from serve.artifacts.location import open_artifacts
from serve.artifacts.store import ArtifactError
from serve.settings.sections import Artifacts


async def test_a_bucket_that_does_not_exist_is_an_error_not_a_missing_object(
    bucket: Artifacts, tmp_path: Path
) -> None:
    nowhere = bucket.model_copy(update={"url": "s3://no-such-bucket"})
    store = open_artifacts(nowhere, tmp_path)
    with pytest.raises(ArtifactError, match=r"^artifact store: no bucket .*$") as refused:
        await store.check()
    assert type(refused.value) is ArtifactError
    await store.close()


async def test_a_server_that_is_not_there_is_named_in_one_line(
    closed_port: int, tmp_path: Path
) -> None:
    settings = Artifacts(
        url="s3://clips",
        endpoint=f"http://127.0.0.1:{closed_port}",
        access_key_id="test",
        secret_access_key="test",
    )
    store = open_artifacts(settings, tmp_path)
    with pytest.raises(ArtifactError) as refused:
        await store.check()
    assert str(closed_port) in str(refused.value)
    assert "\n" not in str(refused.value)
    await store.close()


async def test_prefixes_of_one_bucket_do_not_see_each_other(
    bucket: Artifacts, tmp_path: Path
) -> None:
    inner = bucket.model_copy(update={"url": f"{bucket.url}/inner"})
    store, below = open_artifacts(bucket, tmp_path), open_artifacts(inner, tmp_path)
    await below.put("jobs/a/latents", b"x")
    assert await store.list("jobs/") == []
    assert [info.key for info in await store.list("inner/")] == ["inner/jobs/a/latents"]
    await store.close()
    await below.close()
