"""What a Serve config's application makes sure of before it is built."""

from pathlib import Path

import pytest
from ray.serve.exceptions import RayServeException

from serve import preparing
from serve.app import settings_of
from serve.service import ServiceError
from serve.settings import Settings

POSTGRESQL = "postgresql+asyncpg://filmgate@postgres/filmgate"
ARGS = {"models": [{"name": "m", "dtype": "float32"}]}


class Stores:
    """They are there after so many attempts to reach them."""

    def __init__(self, failures: int) -> None:
        self.failures = failures

    async def __call__(self, settings: Settings) -> bool:
        self.failures -= 1
        if self.failures >= 0:
            raise ServiceError("the database does not answer.")
        return True


@pytest.fixture
def stores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stores:
    stores = Stores(0)
    monkeypatch.setattr(preparing, "prepare_stores", stores)
    monkeypatch.setattr(preparing, "TRY_EVERY_S", 0.0)
    monkeypatch.setenv("FILMGATE_DATABASE__URL", POSTGRESQL)
    monkeypatch.setenv("FILMGATE_DATA_DIR", str(tmp_path))
    return stores


def test_a_database_that_starts_late_is_waited_for(stores: Stores) -> None:
    stores.failures = 3
    settings = settings_of(ARGS)
    assert stores.failures == -1
    assert settings.database_url == POSTGRESQL
    assert not settings.http.open_access, "although no key exists yet"


def test_what_is_wrong_is_told_as_serve_shows_it(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RayServeException, match=r"^unknown key modles in args: did you mean"):
        settings_of({"modles": []})
    with pytest.raises(RayServeException, match=r"/nowhere"):
        settings_of({"models": [{"name": "m", "checkpoint": "/nowhere"}]})
    stores.failures = 3
    monkeypatch.setattr(preparing, "STORES_WITHIN_S", 0.0)
    with pytest.raises(RayServeException, match="the database does not answer"):
        settings_of(ARGS)
