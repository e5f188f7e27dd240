"""What every tier of tests shares."""

import os
import socket

import pytest


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have FILMGATE_ variables set: the tests must not see them."""
    for name in list(os.environ):
        if name.upper().startswith("FILMGATE_"):
            monkeypatch.delenv(name)


@pytest.fixture
def closed_port() -> int:
    """A loopback port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        assert isinstance(port, int)
        return port
