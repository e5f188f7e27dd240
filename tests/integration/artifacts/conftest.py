"""The same artifact store three times: in memory, in a folder, and over HTTP in an S3 bucket."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from moto.server import ThreadedMotoServer

from serve.artifacts.location import in_memory_artifacts, open_artifacts
from serve.artifacts.object_store import ObjectArtifacts
from serve.settings import Artifacts


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Address of an S3 server on loopback, with the bucket `clips`."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    httpx.put(f"{endpoint}/clips", trust_env=False).raise_for_status()
    yield endpoint
    server.stop()


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
