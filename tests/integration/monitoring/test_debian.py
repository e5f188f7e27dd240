"""A proof that is left out is seen: skipped aloud, and a failure in continuous integration."""

import subprocess
from pathlib import Path

import pytest

from tests.integration.monitoring import debian

FETCH = Path(__file__).parents[2] / "fetch_prometheus.sh"


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(debian, "FETCHED", tmp_path)
    monkeypatch.delenv(debian.MUST_BE_THERE, raising=False)


def test_without_prometheus_a_test_is_skipped_and_says_what_to_do() -> None:
    with pytest.raises(pytest.skip.Exception, match="make prometheus"):
        debian.tool("promtool")


def test_where_it_must_be_there_the_test_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(debian.MUST_BE_THERE, "1")
    with pytest.raises(pytest.fail.Exception, match="make prometheus"):
        debian.tool("promtool")


def test_it_is_found_on_the_path(tmp_path: Path) -> None:
    there = tmp_path / "promtool"
    there.write_text("#!/bin/sh\n")
    there.chmod(0o755)
    assert debian.tool("promtool") == there


def test_what_is_on_the_path_need_not_be_fetched(tmp_path: Path) -> None:
    script = tmp_path / "tests" / "fetch_prometheus.sh"
    script.parent.mkdir()
    script.write_text(FETCH.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "dirname").symlink_to("/usr/bin/dirname")
    assert subprocess.run(["/bin/sh", script], capture_output=True, check=False).returncode == 1
    for name in ("prometheus", "promtool"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    subprocess.run(["/bin/sh", script], check=True)
