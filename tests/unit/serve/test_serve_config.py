"""What may stand in the args of a Serve config, and what is said of the rest."""

from typing import Any

import pytest

from serve.settings import SettingsError
from serve.settings.serve_config import read_args

URL = "postgresql+asyncpg://filmgate:secret@postgres/filmgate"


@pytest.fixture(autouse=True)
def database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMGATE_DATABASE__URL", URL)
    monkeypatch.setenv("FILMGATE_ARTIFACTS__URL", "s3://clips")


def test_args_are_a_file_under_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMGATE_HTTP__OPEN_ACCESS", "true")
    monkeypatch.setenv("FILMGATE_JOBS__MAX_WAITING", "7")
    settings = read_args({"jobs": {"max_waiting": 5, "max_run_s": 60}, "currency": "EUR"})
    assert settings.database_url == URL
    assert (settings.jobs.max_waiting, settings.jobs.max_run_s) == (7, 60)
    assert settings.currency == "EUR"
    assert not settings.http.open_access, "whoever serves to all interfaces asks for keys"


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ({"database": {"url": URL}}, "database.url in args: .* FILMGATE_DATABASE__URL in the env"),
        (
            {"artifacts": {"access_key_id": "a", "secret_access_key": "b"}},
            "artifacts.secret_access_key in args: .* FILMGATE_ARTIFACTS__SECRET_ACCESS_KEY in",
        ),
        ({"http": {"port": 80}}, "http.port in args means nothing .*: write http_options.port"),
        ({"ray": {"num_cpus": 4}}, "ray.num_cpus in args means nothing .* nodes are started"),
        ({"http": {"prot": 80}}, "unknown key http.prot in args: did you mean `http.port`?"),
        ({"jobs": {"max_waiting": 0}}, "jobs.max_waiting in args: .* not 0"),
    ],
)
def test_what_does_not_belong_there_is_named(args: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        read_args(args)


def test_a_cluster_needs_a_database_that_all_nodes_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FILMGATE_DATABASE__URL")
    with pytest.raises(
        SettingsError, match=r"SQLite cannot be shared .* set FILMGATE_DATABASE__URL"
    ):
        read_args({})


def test_a_cluster_needs_a_place_for_clips_that_all_nodes_see(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("FILMGATE_ARTIFACTS__URL")
    with pytest.raises(SettingsError, match=r"artifacts.url: all nodes must see the same clips"):
        read_args({})
    assert read_args({"data_dir": "/shared"}).artifacts.url is None
