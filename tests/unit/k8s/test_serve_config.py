"""What Ray Serve is told is what the file beside each overlay says, and what the code takes."""

import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from k8s.render import CONFIG, OVERLAYS, PATCH, render
from tests.unit.k8s.assembling import Manifest
from tests.unit.k8s.pods import ray_service
from tests.unit.k8s.serve_config import config_of, faults, settings_of

DATABASE = "postgresql+asyncpg://someone:secret@somewhere/filmgate"


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the pods get from their secrets."""
    monkeypatch.setenv("FILMGATE_DATABASE__URL", DATABASE)


def test_the_patches_are_made_of_the_configs(tmp_path: Path) -> None:
    """`python -m k8s.render` would change nothing."""
    shutil.copytree(OVERLAYS, tmp_path, dirs_exist_ok=True)
    assert render(tmp_path) == []
    (tmp_path / "dev" / CONFIG).write_text("applications: []\n", encoding="utf-8")
    assert render(tmp_path) == [tmp_path / "dev" / PATCH]


def test_the_ray_service_carries_the_file_word_for_word(
    objects: list[Manifest], overlay: str
) -> None:
    written = (OVERLAYS / overlay / CONFIG).read_text(encoding="utf-8")
    assert ray_service(objects)["spec"]["serveConfigV2"] == written


def test_ray_and_the_settings_take_it(objects: list[Manifest]) -> None:
    assert faults(config_of(ray_service(objects))) == []


def test_secrets_reach_the_settings(objects: list[Manifest]) -> None:
    config = config_of(ray_service(objects))
    assert settings_of(config).database_url == DATABASE
    assert "secret" not in str(config)


def application(config: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = config["applications"][0]
    return found


def misspelt(config: dict[str, Any]) -> None:
    config["http_option"] = config["http_options"]


def misspelt_within(config: dict[str, Any]) -> None:
    application(config)["deployments"] = [{"name": "Gateway", "num_replica": 2}]


def bad_value(config: dict[str, Any]) -> None:
    application(config)["deployments"] = [{"name": "Gateway", "num_replicas": -1}]


def other_builder(config: dict[str, Any]) -> None:
    application(config)["import_path"] = "serve.app:app"


def other_policy(config: dict[str, Any]) -> None:
    application(config)["autoscaling_policy"]["policy_function"] = "autoscaling.policy:Policy"


def no_policy(config: dict[str, Any]) -> None:
    del application(config)["autoscaling_policy"]


def unknown_setting(config: dict[str, Any]) -> None:
    application(config)["args"]["models"][0]["denoisers"] = 2


def secret_told(config: dict[str, Any]) -> None:
    application(config)["args"]["database"] = {"url": DATABASE}


def other_port(config: dict[str, Any]) -> None:
    config["http_options"]["port"] = 9000


def head_only(config: dict[str, Any]) -> None:
    config["proxy_location"] = "HeadOnly"


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        (misspelt, "Ray knows no http_option"),
        (misspelt_within, "Ray knows no applications.deployments.num_replica"),
        (bad_value, "num_replicas"),
        (other_builder, "serve.app:app"),
        (other_policy, "No module named 'autoscaling.policy'"),
        (no_policy, "no autoscaling_policy"),
        (unknown_setting, "unknown key models[0].denoisers"),
        (secret_told, "database.url in args"),
        (other_port, "pods answer on 0.0.0.0:8000"),
        (head_only, "EveryNode has to answer"),
    ],
)
def test_a_planted_error(
    prod: list[Manifest], plant: Callable[[dict[str, Any]], None], said: str
) -> None:
    config = copy.deepcopy(config_of(ray_service(prod)))
    plant(config)
    assert any(said in fault for fault in faults(config)), faults(config)
