"""Where Prometheus is, if it is there: on the PATH, or fetched by `make prometheus`."""

import os
import shutil
from pathlib import Path

import pytest

FETCHED = Path(__file__).parents[3] / ".cache" / "prometheus" / "usr" / "bin"
MUST_BE_THERE = "REQUIRE_PROMETHEUS"
"""Set by continuous integration, which has fetched it: a skipped proof proves nothing."""


def tool(name: str) -> Path:
    """`prometheus` or `promtool`; without it the test is skipped, or fails where it must not be."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}{os.pathsep}{FETCHED}")
    if found:
        return Path(found)
    missing = f"{name} is not there: run `make prometheus`, or put it on the PATH"
    if os.environ.get(MUST_BE_THERE):
        pytest.fail(missing)
    pytest.skip(missing)
