"""The dev overlay's Serve config on two Ray nodes and PostgreSQL, for all tests of the folder."""

import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.cluster.deployed import Deployed
from tests.integration.cluster.nodes import WORKER, Cluster


@pytest.fixture(scope="module")
def database(postgresql) -> Iterator[str]:  # type: ignore[no-untyped-def]
    """An empty one: deploying is to bring it up to date."""
    name = f"t{uuid.uuid4().hex}"
    postgresql.psql(f"CREATE DATABASE {name}")
    yield str(postgresql.get_uri(name))
    postgresql.psql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def cluster(database: str) -> Iterator[Cluster]:
    """A head, and a worker that has what gangs are pinned to."""
    with tempfile.TemporaryDirectory(prefix="fg-") as folder:
        cluster = Cluster(Path(folder), {"FILMGATE_DATABASE__URL": database})
        try:
            cluster.start_head()
            cluster.start_worker(**WORKER)
            yield cluster
        finally:
            cluster.stop()


@pytest.fixture(scope="module")
def deployed(cluster: Cluster, database: str) -> Iterator[Deployed]:
    """Ready to make clips for an account that has a key."""
    service = Deployed(cluster)
    cluster.deploy(service.config)
    cluster.reaches("RUNNING")
    made = subprocess.run(
        [sys.executable, "-m", "serve.cli", "keys", "create", "--account", "me", "--tier", "pro"],
        env={**os.environ, "FILMGATE_DATABASE__URL": database},
        capture_output=True,
        text=True,
        check=True,
    )
    service.use_key(made.stdout.strip())
    service.until_ready()
    yield service
    service.http.close()
