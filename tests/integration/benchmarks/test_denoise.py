"""The denoising benchmark measures what it says, and needs neither Ray nor the service."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
BLOCKED = ("ray", "serve", "av", "fastapi", "sqlalchemy", "obstore", "pydantic_settings", "typer")
BARE = """
import sys
sys.modules.update(dict.fromkeys(sys.argv[1].split(",")))  # None: importing it fails
from benchmarks.__main__ import main
main(["denoise", "--tiny", "--pairs", "1", "--out", sys.argv[2]])
"""
BACKENDS = ("_native_cudnn", "flash", "sage", "xformers")


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one run of the code for GPUs gives on tiny models, where nothing else is installed."""
    out = tmp_path_factory.mktemp("bench") / "denoise.json"
    command = [sys.executable, "-c", BARE, ",".join(BLOCKED), str(out)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    figures: dict[str, Any] = json.loads(out.read_text())["figures"]
    for name in figures:
        assert f"| {name} |" in ran.stdout
    return figures


@pytest.mark.parametrize("model", ["LTX-2", "Wan 2.1"])
def test_every_figure_of_a_model_is_there(figures: dict[str, Any], model: str) -> None:
    of_model = {
        name.partition(": ")[2]: figure["value"]
        for name, figure in figures.items()
        if name.startswith(f"{model} tiny")
    }
    assert of_model["latents equal to stock's, bit for bit"] == 1
    assert of_model["suspended at step 1 of 4: bit-identical latents"] == 1
    assert of_model["suspended at step 3 of 4: bit-identical latents"] == 1
    measured = ("step, stock diffusers", "step, ours", "ours / stock, median", "weights")
    assert all(of_model[name] > 0 for name in measured)
    assert of_model["checkpoint() and pack(), the device at rest"] > 0
    assert of_model["attention native, step"] > 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_backend_that_cannot_be_used_says_why(figures: dict[str, Any], backend: str) -> None:
    row = figures[f"LTX-2 tiny 64x64x9: attention {backend}"]
    assert row["value"] is None
    assert row["note"].startswith("cannot: ")
