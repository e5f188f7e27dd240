"""One running service for the tests that leave it healthy."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.service.running import Service

SETTINGS: dict[str, Any] = {
    "jobs": {"checkpoint_every_s": 0.5},
    "lease": {"period_s": 0.5, "timeout_s": 4.0},
    "artifacts": {"min_free_bytes": 0},
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Default model, short checkpoint interval and lease; killed parts come back by themselves."""
    service = Service(tmp_path_factory.mktemp("service"), SETTINGS)
    service.start()
    yield service
    service.stop()


@pytest.fixture
def fresh_folder(tmp_path: Path) -> Path:
    return tmp_path / "data"
