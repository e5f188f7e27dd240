"""Every pod sees the same clips and checkpoints: a bucket, or one volume at the same place."""

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

import pytest

from serve.settings import Settings
from tests.unit.k8s.assembling import Manifest
from tests.unit.k8s.pods import groups, ray_service
from tests.unit.k8s.serve_config import config_of, settings_of


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMGATE_DATABASE__URL", "postgresql+asyncpg://someone@somewhere/filmgate")


def shared(settings: Settings) -> Iterator[str]:
    """Folders that all pods must see, since Serve builds the application on any of them."""
    if settings.artifacts.url is None:
        yield str(settings.data_dir)
    yield from (model.checkpoint for model in settings.models if model.checkpoint != "embedded")


def unseen(service: Manifest, settings: Settings) -> list[str]:
    found = []
    for folder in shared(settings):
        claims = {name: claim_at(folder, group) for name, group in groups(service).items()}
        if None in claims.values() or len(set(claims.values())) > 1:
            found.append(f"{folder} is on {claims}")
    return found


def claim_at(folder: str, group: dict[str, Any]) -> str | None:
    """The claim of the volume that a folder lies on."""
    spec = group["template"]["spec"]
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    for mount in spec["containers"][0]["volumeMounts"]:
        if PurePath(folder).is_relative_to(mount["mountPath"]):
            claim: str | None = (
                volumes[mount["name"]].get("persistentVolumeClaim", {}).get("claimName")
            )
            return claim
    return None


def test_all_pods_see_the_same(objects: list[Manifest]) -> None:
    service = ray_service(objects)
    assert unseen(service, settings_of(config_of(service))) == []


def test_a_pod_without_checkpoints_is_noticed(prod: list[Manifest]) -> None:
    service = ray_service(prod)
    container = groups(service)["head"]["template"]["spec"]["containers"][0]
    container["volumeMounts"] = [m for m in container["volumeMounts"] if m["name"] != "weights"]
    (found,) = unseen(service, settings_of(config_of(service)))
    assert "'head': None" in found


def test_clips_in_a_folder_of_each_pod_are_noticed(prod: list[Manifest]) -> None:
    config = config_of(ray_service(prod))
    del config["applications"][0]["args"]["artifacts"]
    (found,) = unseen(ray_service(prod), settings_of(config))
    assert found.startswith("/var/lib/filmgate is on")
