"""What is committed is what the code makes."""

from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from k8s.alerts.files import RuleFiles
from k8s.generated import files

K8S = Path(__file__).parents[3] / "k8s"
MADE = files(RuleFiles())


@pytest.mark.parametrize("name", MADE)
def test_what_is_committed_is_what_the_code_makes(name: str) -> None:
    path = K8S / name
    assert path.is_file(), f"{name} is not there: run `make dashboards`"
    assert path.read_text(encoding="utf-8") == MADE[name], f"{name} is old: run `make dashboards`"


def test_no_dashboard_is_left_over() -> None:
    there = {path.relative_to(K8S).as_posix() for path in (K8S / "monitoring").rglob("*.json")}
    assert there == {name for name in MADE if name.endswith(".json")}


def test_config_maps_are_found_by_grafanas_sidecar_and_taken_by_kubernetes() -> None:
    maps = list(yaml.safe_load_all(MADE["monitoring/dashboards.yaml"]))
    assert len(maps) == len([name for name in MADE if name.endswith(".json")])
    for each in maps:
        kubernetes_validate.validate(each, "1.31", strict=True)
        assert each["metadata"]["labels"]["grafana_dashboard"] == "1"
