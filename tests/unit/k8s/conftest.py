"""The overlays, assembled; each test gets its own copy."""

import copy
from pathlib import Path

import pytest

from tests.unit.k8s.assembling import Manifest, assembled

K8S = Path(__file__).parents[3] / "k8s"
OVERLAYS = tuple(sorted(path.parent.name for path in K8S.glob("overlays/*/kustomization.yaml")))


@pytest.fixture(scope="session")
def all_overlays() -> dict[str, list[Manifest]]:
    return {name: assembled(K8S / "overlays" / name) for name in OVERLAYS}


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    """Each overlay's name in turn."""
    return str(request.param)


@pytest.fixture
def objects(all_overlays: dict[str, list[Manifest]], overlay: str) -> list[Manifest]:
    """All objects of that overlay."""
    return copy.deepcopy(all_overlays[overlay])


@pytest.fixture
def prod(all_overlays: dict[str, list[Manifest]]) -> list[Manifest]:
    """Where errors are planted."""
    return copy.deepcopy(all_overlays["prod"])
