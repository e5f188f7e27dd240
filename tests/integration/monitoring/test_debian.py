"""A proof that is left out is seen: skipped aloud, and a failure in continuous integration."""

from pathlib import Path

import pytest

from tests.integration.monitoring import debian


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
