"""The job that fetches checkpoints, run with a stand-in for the hub's command."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.k8s.assembling import Manifest, assembled, find
from tests.unit.k8s.pods import ray_service
from tests.unit.k8s.serve_config import config_of, settings_of

K8S = Path(__file__).parents[3] / "k8s"


def ran(tmp_path: Path, list_of: Callable[[str], str]) -> list[str]:
    """What the hub's command was told, with its list changed."""
    command = tmp_path / "hf"
    command.write_text('#!/bin/sh\necho "$@" | cut -d " " -f 1-6\ncat\n', encoding="utf-8")
    command.chmod(0o755)
    job = find(assembled(K8S / "fetch-weights"), "Job")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    done = subprocess.run(
        [*container["command"], list_of(container["args"][0])],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_each_line_of_the_list_is_fetched(tmp_path: Path) -> None:
    assert ran(tmp_path, lambda script: script.replace("\nLIST", "\nx A/B v2\nLIST")) == [
        "download Lightricks/LTX-2 --revision main --local-dir /weights/ltx-2",
        "download A/B --revision v2 --local-dir /weights/x",
    ]


def test_the_lines_for_more_models_fetch_all_that_the_overlays_load(
    tmp_path: Path, all_overlays: dict[str, list[Manifest]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FILMGATE_DATABASE__URL", "postgresql+asyncpg://someone@somewhere/filmgate")
    wanted = {
        model.checkpoint
        for objects in all_overlays.values()
        for model in settings_of(config_of(ray_service(objects))).models
    }
    told = ran(tmp_path, lambda script: re.sub(r"(?m)^# (\S+ \S+/\S+ \S+)$", r"\1", script))
    assert {line.rpartition(" ")[2] for line in told} == wanted - {"embedded"}
