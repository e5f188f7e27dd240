"""The job that fetches checkpoints, run with a stand-in for the hub's command."""

import os
import subprocess
from pathlib import Path

from tests.unit.k8s.assembling import assembled, find

K8S = Path(__file__).parents[3] / "k8s"


def test_each_line_of_the_list_is_fetched(tmp_path: Path) -> None:
    command = tmp_path / "hf"
    command.write_text('#!/bin/sh\necho "$@" | cut -d " " -f 1-6\ncat\n', encoding="utf-8")
    command.chmod(0o755)
    job = find(assembled(K8S / "fetch-weights"), "Job")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    script = container["args"][0].replace("\nLIST", "\nwan-2.2 Wan-AI/Wan v2\nLIST")
    ran = subprocess.run(
        [*container["command"], script],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.splitlines() == [
        "download Lightricks/LTX-2 --revision main --local-dir /weights/ltx-2",
        "download Wan-AI/Wan --revision v2 --local-dir /weights/wan-2.2",
    ]
