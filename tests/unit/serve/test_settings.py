"""Settings: where values come from, and what wins."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from serve.settings import ClientSettings, Settings, SettingsError, load, load_client


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "filmgate.yaml"


def test_defaults_make_a_service_with_the_small_model() -> None:
    settings = load(None)
    assert settings.http.port == 8000
    assert [model.name for model in settings.models] == ["filmgate-tiny"]
    assert settings.data_dir == Path.cwd() / "filmgate-data"


def test_environment_wins_over_file_wins_over_defaults(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text("http: {port: 9000, gateways: 3}\nlog: {level: DEBUG}\n")
    monkeypatch.setenv("FILMGATE_HTTP__PORT", "9001")
    settings = load(config, {"log": {"format": "json"}})
    assert (settings.http.port, settings.http.gateways) == (9001, 3)
    assert (settings.log.level, settings.log.format) == ("DEBUG", "json")
    assert load(config, {"http": {"port": 9002}}).http.port == 9002


def test_lists_in_the_environment_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMGATE_TIERS", '["free", "pro"]')
    monkeypatch.setenv("FILMGATE_MODELS", '[{"name": "a"}, {"name": "b", "dtype": "float32"}]')
    settings = load(None)
    assert settings.tiers == ("free", "pro")
    assert [(model.name, model.dtype) for model in settings.models] == [
        ("a", "bfloat16"),
        ("b", "float32"),
    ]


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMGATE_DATABASE__URL", "")
    assert load(None).database.url is None


def test_relative_folders_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "embedded").mkdir()
    monkeypatch.chdir(tmp_path)
    names = ("./here", "weights", "org/model", "embedded", "/abs")
    settings = load(
        None,
        {
            "data_dir": "data",
            "models": [{"name": f"m{n}", "checkpoint": c} for n, c in enumerate(names)],
        },
    )
    assert settings.data_dir == tmp_path / "data"
    assert [model.checkpoint for model in settings.models] == [
        str(tmp_path / "here"),
        str(tmp_path / "weights"),
        "org/model",
        "embedded",
        "/abs",
    ]


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("sqlite+aiosqlite:///jobs.db", "sqlite+aiosqlite:///{here}/jobs.db"),
        ("sqlite:////srv/jobs.db", "sqlite:////srv/jobs.db"),
        ("sqlite+aiosqlite:///:memory:", "sqlite+aiosqlite:///:memory:"),
        ("sqlite+aiosqlite://", "sqlite+aiosqlite://"),
        ("postgresql://host/db", "postgresql://host/db"),
    ],
)
def test_a_database_file_is_found_from_every_folder(
    url: str, meant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load(None, {"database": {"url": url}})
    assert settings.database.url == settings.database_url == meant.format(here=tmp_path)
    assert load(None).database_url == f"sqlite+aiosqlite:///{tmp_path}/filmgate-data/filmgate.db"


def test_the_tree_survives_json_and_ignores_the_environment(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text(
        "data_dir: /srv/filmgate\n"
        "database: {url: 'postgresql+asyncpg://film:hush@db/filmgate'}\n"
        "artifacts: {url: s3://clips/prod, access_key_id: id, secret_access_key: hush}\n"
        "models: [{name: wan, checkpoint: org/wan, sizes: [832x480, 1280x720]}]\n"
    )
    settings = load(config)
    values = json.loads(json.dumps(settings.model_dump(mode="json")))
    monkeypatch.setenv("FILMGATE_HTTP__PORT", "9999")
    assert Settings.from_values(values) == settings
    assert settings.artifacts.secret_access_key == "hush"


def test_the_tree_is_immutable_and_keeps_secrets_out_of_its_text() -> None:
    settings = load(
        None,
        {
            "artifacts": {"access_key_id": "id", "secret_access_key": "hush"},
            "database": {"url": "sqlite+aiosqlite:///hush"},
        },
    )
    with pytest.raises(ValidationError):
        settings.http.port = 1  # type: ignore[misc]
    assert "hush" not in repr(settings)


def test_client_variables_are_no_unknown_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMGATE_URL", "http://films.example:81/")
    monkeypatch.setenv("FILMGATE_API_KEY", "fg_hush")
    load(None)
    client = load_client()
    assert (client.url, client.api_key) == ("http://films.example:81", "fg_hush")
    assert "hush" not in repr(client)
    assert load_client("http://other", "key") == ClientSettings(url="http://other", api_key="key")


def test_the_client_finds_the_service_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_client() == ClientSettings(url="http://127.0.0.1:8000")
    monkeypatch.setenv("FILMGATE_HTTP__PORT", "8123")
    assert load_client().url == "http://127.0.0.1:8123"
    with pytest.raises(SettingsError, match=r"films\.example"):
        load_client("films.example")


def test_an_empty_file_sets_nothing(config: Path) -> None:
    config.write_text("# all defaults\n")
    assert load(config) == load(None)


def test_every_setting_that_needs_words_has_some() -> None:
    described = Settings.model_fields["models"].description
    assert described is not None
    assert described.startswith("The first is the default")
