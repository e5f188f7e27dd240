"""Settings: where values come from, what wins, and what mistakes are told."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from serve.settings import ClientSettings, Settings, SettingsError, load, load_client


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "filmgate.yaml"


def complaint(config: Path | None = None) -> str:
    with pytest.raises(SettingsError) as refused:
        load(config)
    return str(refused.value)


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


@pytest.mark.parametrize(
    ("variable", "says"),
    [
        (
            "FILMGATE_HTTP__PROT",
            "unknown variable FILMGATE_HTTP__PROT: did you mean FILMGATE_HTTP__PORT?",
        ),
        ("FILMGATE_PORT", "unknown variable FILMGATE_PORT: did you mean FILMGATE_HTTP__PORT?"),
        (
            "FILMGATE_HTTP_PORT",
            "unknown variable FILMGATE_HTTP_PORT: did you mean FILMGATE_HTTP__PORT?",
        ),
        (
            "FILMGATE_DATADIR",
            "unknown variable FILMGATE_DATADIR: did you mean FILMGATE_DATA_DIR?",
        ),
        ("FILMGATE_ZZZZZZ", "unknown variable FILMGATE_ZZZZZZ"),
        (
            "FILMGATE_MODELS__0__NAME",
            "FILMGATE_MODELS__0__NAME: FILMGATE_MODELS takes one value; a list is given as JSON",
        ),
    ],
)
def test_an_unknown_variable_is_told_the_nearest_right_one(
    variable: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "1")
    assert complaint() == says


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


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("http: {prot: 1}", "unknown key http.prot in {file}: did you mean `http.port`?"),
        ("port: 1", "unknown key port in {file}: did you mean `http.port`?"),
        ("htpp: {port: 1}", "unknown key htpp in {file}: did you mean `http`?"),
        (
            "models: [{name: a, checkpont: b}]",
            "unknown key models[0].checkpont in {file}: did you mean `models.checkpoint`?",
        ),
        (
            "models: [{name: a, encoder: {thread: 1}}]",
            "unknown key models[0].encoder.thread in {file}: "
            "did you mean `models.encoder.threads`?",
        ),
        ("qqqq: 1", "unknown key qqqq in {file}"),
    ],
)
def test_an_unknown_key_is_told_the_nearest_right_one(text: str, says: str, config: Path) -> None:
    config.write_text(text)
    assert complaint(config) == says.format(file=config)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("http: {port: 70000}", "http.port in {file}: input should be less than or equal to 65535"),
        ("http: {port: abc}", "http.port in {file}: input should be a valid integer"),
        ("models: [{name: a}, {name: a}]", "models in {file}: the model a is there more than once"),
        ("models: []", "models in {file}: at least one model is needed"),
        ("models: [{name: a b}]", "models[0].name in {file}: string should match pattern"),
        ("models: [{name: a, sizes: [wide]}]", "models[0].sizes[0] in {file}: string should match"),
        (
            "models: [{name: a, dtype: int4}]",
            "models[0].dtype in {file}: input should be 'float32'",
        ),
        ("models: [{checkpoint: a}]", "models[0].name in {file}: field required"),
        ("tiers: [free, free]", "tiers in {file}: the tier free is there more than once"),
        ("database: {url: 'mysql://h/d'}", "database.url in {file}: it must begin with sqlite+aio"),
        ("artifacts: {url: 'gs://b'}", "artifacts.url in {file}: string should match pattern"),
        ("artifacts: {access_key_id: a}", "artifacts in {file}: give access_key_id and secret"),
        ("lease: {timeout_s: 1}", "lease in {file}: timeout_s must be longer than period_s"),
        ("http: 8000", "http in {file}: input should be a valid dictionary"),
    ],
)
def test_a_bad_value_is_one_clear_line(text: str, says: str, config: Path) -> None:
    config.write_text(text)
    line = complaint(config)
    assert line.startswith(says.format(file=config))
    assert "\n" not in line


def test_each_mistake_has_its_own_line(config: Path) -> None:
    config.write_text("http: {port: 0, gateways: 0}\n")
    assert [line.split(" in ")[0] for line in complaint(config).splitlines()] == [
        "http.port",
        "http.gateways",
    ]


def test_a_bad_value_is_traced_to_its_variable(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text("http: {gateways: 2}\n")
    monkeypatch.setenv("FILMGATE_HTTP__PORT", "many")
    assert complaint(config).startswith("FILMGATE_HTTP__PORT: input should be a valid integer")
    monkeypatch.delenv("FILMGATE_HTTP__PORT")
    monkeypatch.setenv("FILMGATE_MODELS", '[{"name": "a", "dtype": "int4"}]')
    assert complaint(config).startswith("FILMGATE_MODELS, models[0].dtype: input should be")
    monkeypatch.setenv("FILMGATE_MODELS", "[{")
    assert "FILMGATE_MODELS" in complaint(config)
    assert "JSON" in complaint(config)


def test_complaints_do_not_quote_secrets(config: Path) -> None:
    config.write_text(
        "database: {url: 'mysql://film:hush@host/db'}\n"
        "artifacts: {secret_access_key: hush, access_key_id: [1]}\n"
    )
    assert "hush" not in complaint(config)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("http: {port: 1", "{file}, line 1, column 15: "),
        ("http:\n  port: 1\n  port: 2\n", "{file}, line 3, column 3: `port` is there twice"),
        ("- a\n- b\n", "{file}: expected keys with values"),
        ("just words", "{file}: expected keys with values"),
        ("data_dir: !!python/object:os.system x", "{file}, line 1, column 11: could not determine"),
        ("{1: 2}", "{file}, line 1, column 2: a key must be a word"),
        ("? [a, b]\n: 1\n", "{file}, line 1, column 3: a key must be a word"),
    ],
)
def test_broken_yaml_says_where(text: str, says: str, config: Path) -> None:
    config.write_text(text)
    assert complaint(config).startswith(says.format(file=config))


def test_an_empty_file_sets_nothing(config: Path) -> None:
    config.write_text("# all defaults\n")
    assert load(config) == load(None)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert complaint(tmp_path / "none.yaml").startswith("cannot read the settings file")
    assert complaint(tmp_path).startswith("cannot read the settings file")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00\x80")
    assert str(tmp_path / "binary") in complaint(tmp_path / "binary")


def test_every_setting_that_needs_words_has_some() -> None:
    described = Settings.model_fields["models"].description
    assert described is not None
    assert described.startswith("The first is the default")
