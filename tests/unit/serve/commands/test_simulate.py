"""`filmgate simulate`: a table for people, JSON for programs, plain words for what is unknown."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from serve.cli import app

OVERALL = {
    "goodput_arrival",
    "goodput_promise",
    "waste",
    "inversions",
    "promise_coverage",
    "gate_flips_per_hour",
    "starved",
    "utilisation",
}
OF_TIER = {"slo_arrival", "slo_promise", "shed", "deferred", "wait_p50_s", "wait_p99_s", "jain"}


def simulate(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["simulate", *arguments], prog_name="filmgate")


def test_the_figures_as_json_and_as_a_table(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    result = simulate("--scenario", "S0", "--policy", "fifo", "--seeds", "1-2", "--json", str(file))
    assert result.exit_code == 0, result.output
    figures = json.loads(file.read_text(encoding="utf-8"))
    assert figures.keys() >= OVERALL | {"scenario", "policy", "seeds", "tiers"}
    assert figures["seeds"] == [1, 2]
    assert set(figures["tiers"]) == {"new", "free", "plus", "pro"}
    assert all(tier.keys() >= OF_TIER for tier in figures["tiers"].values())
    assert "S0, calm: 0.6 of the GPUs: fifo, 2 seeds" in result.output
    assert f"{figures['tiers']['pro']['slo_arrival']:.3f}" in result.output


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--scenario", "S99"), "there are S0, S1"),
        (("--policy", "best"), "there are filmgate, fifo"),
        (("--seeds", "many"), "such as 7 or 100-119"),
        (("--seeds", "9-1"), "such as 7 or 100-119"),
        (("--json", "/no/such/folder/x.json"), "no folder /no/such/folder"),
        (("--plot", "/no/such/folder/x.png"), "no folder /no/such/folder"),
    ],
)
def test_what_cannot_be_replayed_is_said_before_anything_runs(
    arguments: tuple[str, ...], why: str
) -> None:
    result = simulate(*arguments)
    assert result.exit_code == 1
    assert why in result.stderr


def test_the_first_seed_is_drawn_over_time(tmp_path: Path) -> None:
    file = tmp_path / "flood.png"
    result = simulate("--scenario", "S4x4", "--seeds", "3-4", "--plot", str(file))
    assert result.exit_code == 0, result.output
    with Image.open(file) as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 500
        assert len(np.unique(np.asarray(picture.convert("L")))) > 20


def test_without_matplotlib_the_figures_still_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serve.commands.simulate.find_spec", lambda name: None)
    refused = simulate("--scenario", "S0", "--seeds", "1", "--plot", str(tmp_path / "x.png"))
    assert refused.exit_code == 1
    assert "pip install matplotlib" in refused.stderr
    assert simulate("--scenario", "S0", "--policy", "fifo", "--seeds", "1").exit_code == 0
