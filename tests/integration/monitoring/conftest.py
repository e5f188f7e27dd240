"""Debian's Prometheus for the tests that ask it."""

from pathlib import Path

import pytest

from tests.integration.monitoring.debian import tool


@pytest.fixture(scope="session")
def promtool() -> Path:
    return tool("promtool")


@pytest.fixture(scope="session")
def prometheus() -> Path:
    return tool("prometheus")
