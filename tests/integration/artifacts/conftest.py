"""The same artifact store three times: in memory, in a folder, and over HTTP in an S3 bucket."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from serve.artifacts.location import in_memory_artifacts, open_artifacts
from serve.artifacts.object_store import ObjectArtifacts
from serve.settings.sections import Artifacts


@pytest.fixture
def bucket(s3_endpoint: str, tmp_path: Path) -> Artifacts:
    """Settings of a prefix in the bucket that no other test uses."""
    return Artifacts(
        url=f"s3://clips/{tmp_path.name}",
        endpoint=s3_endpoint,
        access_key_id="test",
        secret_access_key="test",
    )


@pytest.fixture(params=["memory", "folder", "s3"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ObjectArtifacts]:
    """An empty store of each kind."""
    if request.param == "memory":
        opened = in_memory_artifacts()
    elif request.param == "folder":
        opened = open_artifacts(Artifacts(), tmp_path)
    else:
        opened = open_artifacts(request.getfixturevalue("bucket"), tmp_path)
    yield opened
    await opened.close()
