"""What is missing at start is said in one line, with what to do about it."""

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipelines.embedded.place import WEIGHTS
from serve.settings import child_environment
from tests.integration.service.running import Service, free_port


def refusal(data_dir: Path, settings: dict[str, Any], port: int | None = None) -> str:
    """The one line with which `filmgate serve` gives up."""
    config = data_dir.parent / "refused.yaml"
    config.write_text(json.dumps(settings))
    changes = {
        "FILMGATE_DATA_DIR": str(data_dir),
        "FILMGATE_HTTP__PORT": str(port or free_port()),
    }
    result = subprocess.run(
        [sys.executable, "-m", "serve.cli", "serve", "--config", str(config)],
        env=child_environment(changes),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert result.returncode == 1, result.stderr
    assert "Traceback" not in result.stderr
    return result.stderr


def test_a_second_service_on_one_data_folder(service: Service) -> None:
    said = refusal(service.data_dir, {})
    assert "already runs on this data folder" in said
    assert "FILMGATE_DATA_DIR" in said


def test_a_port_that_another_program_has(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        said = refusal(tmp_path / "data", {}, port)
    assert f"port {port} is taken by another program" in said
    assert "FILMGATE_HTTP__PORT" in said


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"http": {"host": "0.0.0.0"}}, "filmgate keys create"),
        ({"models": [{"name": "m", "checkpoint": "/no/such/folder"}]}, "/no/such/folder"),
        (
            {"database": {"url": "postgresql://nobody@127.0.0.1:1/none"}},
            "the database does not answer",
        ),
        (
            {
                "artifacts": {
                    "url": "s3://clips",
                    "endpoint": "http://127.0.0.1:1",
                    "access_key_id": "test",
                    "secret_access_key": "test",
                }
            },
            "check the section artifacts",
        ),
        (
            {"models": [{"name": "m", "dtype": "float32", "denoiser": {"num_gpus": 64}}]},
            "64 GPUs and the cluster has",
        ),
    ],
)
def test_what_the_settings_ask_for_is_not_there(
    tmp_path: Path, settings: dict[str, Any], words: str
) -> None:
    assert words in refusal(tmp_path / "data", settings)


@pytest.mark.slow
def test_a_replica_that_cannot_load_its_model_ends_the_start(tmp_path: Path) -> None:
    """Every file that the start reads is there; what only a replica reads is not."""
    checkpoint = tmp_path / "model"
    shutil.copytree(WEIGHTS, checkpoint)
    for weights in (checkpoint / "transformer").glob("*.safetensors"):
        weights.unlink()
    model = {"name": "m", "checkpoint": str(checkpoint), "dtype": "float32"}
    said = refusal(tmp_path / "data", {"models": [model]})
    assert "error: Denoiser-m-1 does not start: IncompleteCheckpoint: " in said
    assert "transformer" in said
