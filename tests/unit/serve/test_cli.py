"""The commands that need no service: settings, keys, the database, and how faults are told."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from serve.cli import app


@pytest.fixture(autouse=True)
def own_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMGATE_DATA_DIR", str(tmp_path / "data"))


def filmgate(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, prog_name="filmgate")


def test_help_names_every_command() -> None:
    result = filmgate("--help")
    assert result.exit_code == 0
    for command in ("serve", "generate", "list", "get", "cancel", "accounts", "keys", "db"):
        assert command in result.stdout
    assert "demo" not in result.stdout


def test_client_commands_start_without_the_heavy_libraries() -> None:
    script = (
        "import sys, serve.cli\n"
        "heavy = {'torch', 'ray', 'diffusers', 'transformers', 'sqlalchemy', 'fastapi', 'av'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert loaded.stdout == "[]\n"


def test_config_show_prints_what_is_in_effect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "filmgate.yaml"
    config.write_text(
        "http: {port: 9000}\nmodels: [{name: wan, sizes: [832x480]}]\n"
        "limits: {new: {models: [wan], max_seconds: 4}}\n"
    )
    monkeypatch.setenv("FILMGATE_LOG__LEVEL", "DEBUG")
    result = filmgate("config", "show", "--config", str(config))
    assert result.exit_code == 0
    shown = yaml.safe_load(result.stdout)
    assert shown["http"]["port"] == 9000
    assert shown["log"]["level"] == "DEBUG"
    assert shown["models"][0]["sizes"] == ["832x480"]
    assert shown["limits"]["new"]["models"] == ["wan"]
    assert shown["data_dir"] == str(tmp_path / "data")
    config.write_text(result.stdout)
    assert filmgate("config", "show", "--config", str(config)).stdout == result.stdout


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://film:hush@db:5432/x", "postgresql://film:********@db:5432/x"),
        ("postgresql://db/x?user=a&password=hush", "postgresql://db/x?user=a&password=********"),
        ("postgresql://film@db/x", "postgresql://film@db/x"),
    ],
)
def test_config_show_masks_secrets(url: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMGATE_DATABASE__URL", url)
    monkeypatch.setenv("FILMGATE_ARTIFACTS__ACCESS_KEY_ID", "id")
    monkeypatch.setenv("FILMGATE_ARTIFACTS__SECRET_ACCESS_KEY", "hush:sh")
    told = filmgate("config", "show").stdout
    assert "hush" not in told
    values = yaml.safe_load(told)
    assert values["database"]["url"] == shown
    assert values["artifacts"]["secret_access_key"] == "********"


def test_a_mistake_in_the_settings_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMGATE_HTTP__PROT", "1")
    for command in (["config", "show"], ["serve"], ["keys", "list"], ["db", "upgrade"]):
        result = filmgate(*command)
        assert result.exit_code == 1
        assert result.stdout == ""
        assert result.stderr == (
            "error: unknown variable FILMGATE_HTTP__PROT: did you mean FILMGATE_HTTP__PORT?\n"
        )


def test_a_key_is_made_listed_and_revoked() -> None:
    made = filmgate("keys", "create", "--account", "ann", "--tier", "pro", "--name", "l[a]p")
    assert made.exit_code == 0
    key = made.stdout.strip()
    assert key.startswith("fg_live_")
    assert "not shown again" in made.stderr
    assert "From now on every request needs a key" in made.stderr
    again = filmgate("keys", "create", "--account", "ann")
    assert again.exit_code == 0
    assert "From now on" not in again.stderr
    listed = filmgate("keys", "list").stdout
    key_id = key.split("_")[2]
    assert listed.count(" good") == 2
    for word in (key_id, "ann", "pro", "l[a]p"):
        assert word in listed
    assert key.split("_")[3] not in listed, "the secret is nowhere to be had"
    assert filmgate("keys", "revoke", key_id).stdout == f"{key_id} is revoked\n"
    assert "revoked" in filmgate("keys", "list").stdout
    second = again.stdout.strip()
    assert filmgate("keys", "revoke", second).exit_code == 0, "a whole key names itself too"
    refused = filmgate("keys", "revoke", second)
    assert (refused.exit_code, refused.stdout) == (1, "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--account", "new"], "a new account needs a tier: --tier new | free |"),
        (["--account", "new", "--tier", "gold"], "there is no tier gold: --tier new | free |"),
        (["--account", "ann", "--tier", "free"], "the account ann is in tier pro, not free"),
    ],
)
def test_keys_need_an_account_with_a_tier(arguments: list[str], says: str) -> None:
    assert filmgate("keys", "create", "--account", "ann", "--tier", "pro").exit_code == 0
    result = filmgate("keys", "create", *arguments)
    assert result.exit_code == 1
    assert says in result.stderr


def test_without_keys_the_list_says_how_to_make_one() -> None:
    assert "filmgate keys create" in filmgate("keys", "list").stdout


def test_the_database_is_made_where_the_settings_say(tmp_path: Path) -> None:
    for _ in range(2):
        result = filmgate("db", "upgrade")
        assert result.exit_code == 0
        assert str(tmp_path / "data" / "filmgate.db") in result.stdout
    assert (tmp_path / "data" / "filmgate.db").exists()


def test_a_database_out_of_reach_is_one_line_without_its_password(
    closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"postgresql+asyncpg://film:hush@127.0.0.1:{closed_port}/x"
    monkeypatch.setenv("FILMGATE_DATABASE__URL", url)
    for command in (["db", "upgrade"], ["keys", "list"]):
        result = filmgate(*command)
        assert result.exit_code == 1
        assert str(closed_port) in result.stderr
        assert "hush" not in result.stderr
        assert len(result.stderr.splitlines()) == 1


def test_no_service_is_one_line(closed_port: int, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{closed_port}"
    for command in (["list"], ["get", "video_1"], ["cancel", "video_1"]):
        result = filmgate(*command, "--url", url)
        assert result.exit_code == 1
        assert f"no answer from {url}" in result.stderr
        assert len(result.stderr.splitlines()) == 1


def test_an_output_that_cannot_be_written_stops_before_the_work(tmp_path: Path) -> None:
    result = filmgate("generate", "a ball", "-o", str(tmp_path / "no" / "clip.mp4"))
    assert result.exit_code == 1
    assert "there is no folder" in result.stderr
