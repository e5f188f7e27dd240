"""What is made from code: each file's path below this folder, and its text."""

import json
from typing import Any, Final

import yaml

from k8s.alerts.files import RuleFiles, as_yaml
from k8s.dashboards.board import as_json
from k8s.dashboards.boards import BOARDS

NOTE: Final = (
    "# Made by `make dashboards`: change the code in k8s/dashboards or k8s/alerts instead.\n"
)
DASHBOARDS: Final = "/var/lib/grafana/dashboards/filmgate"
FOLDER: Final = "filmgate"


def files(rules: RuleFiles) -> dict[str, str]:
    """Dashboards and rules as plain files for Grafana and Prometheus, and as manifests."""
    boards = {board.uid: as_json(board) for board in BOARDS}
    return {
        **{f"monitoring/dashboards/{uid}.json": text for uid, text in boards.items()},
        "monitoring/provisioning/dashboards.yaml": NOTE + as_yaml(_provisioning()),
        "monitoring/filmgate.rules.yaml": NOTE + as_yaml(rules.groups()),
        "monitoring/prometheusrule.yaml": NOTE + as_yaml(rules.manifest()),
        "monitoring/dashboards.yaml": NOTE
        + yaml.safe_dump_all(
            [_config_map(uid, text) for uid, text in boards.items()],
            sort_keys=False,
            width=10_000,
        ),
    }


def _provisioning() -> dict[str, Any]:
    """For a Grafana without Kubernetes: it reads the dashboards from a folder."""
    provider = {
        "name": FOLDER,
        "folder": FOLDER,
        "type": "file",
        "allowUiUpdates": False,
        "options": {"path": DASHBOARDS},
    }
    return {"apiVersion": 1, "providers": [provider]}


def _config_map(uid: str, text: str) -> dict[str, Any]:
    """Grafana's sidecar picks up what has this label; without blanks, it is half as long."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"{uid}-dashboard",
            "labels": {"grafana_dashboard": "1", "app.kubernetes.io/name": "filmgate"},
            "annotations": {"grafana_folder": FOLDER},
        },
        "data": {f"{uid}.json": json.dumps(json.loads(text), separators=(",", ":"))},
    }
