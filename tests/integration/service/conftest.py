"""One running service for the tests that leave it healthy."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.service.running import SETTINGS, Service


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The default model; parts that a test kills come back by themselves."""
    service = Service(tmp_path_factory.mktemp("service"), SETTINGS)
    service.start()
    yield service
    service.stop()


@pytest.fixture
def fresh_folder(tmp_path: Path) -> Path:
    return tmp_path / "data"
