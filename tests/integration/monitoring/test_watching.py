"""A real Prometheus watches the running service through a drill: every panel fills and moves."""

import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from k8s.alerts.files import RuleFiles
from k8s.dashboards.boards import BOARDS
from k8s.dashboards.panel import Board
from k8s.promql import filled_in, series
from serve.telemetry.catalogue import gpus
from tests.integration.monitoring.drill import DRILL, Drill
from tests.integration.monitoring.watching import PACE, WINDOW, Curve, Prometheus, watching
from tests.integration.service.running import Service, until

pytestmark = pytest.mark.timeout(900)
TAPE = Path(__file__).parents[2] / "recorded_gpus"
ON_TAPE = ("tests.integration.monitoring.replicas",)
LOGS = re.compile(r"^logs: (.*)$", re.MULTILINE)
KEEP = "KEEP_PANELS"
"""Names a file to keep what panels showed, for `python -m tests.integration.monitoring.picture`."""
Asked = tuple[str, str]
"""A panel's title and a query's legend."""
STILL: Mapping[Asked, str] = {
    ("Power", "highest limit"): "the same card on the whole tape",
    ("Time until all work is done", "target"): "a setting",
    ("Held down, and errors", "{{node}} / {{gpu}}, the last XID"): "one error is on the tape",
}
"""What has data here and need not move, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What was watched, and from when to when in Unix seconds."""

    prometheus: Prometheus
    since: float
    until: float
    fired: frozenset[str]

    def shown(self, board: Board) -> dict[Asked, list[Curve]]:
        """What Grafana would draw, query by query."""
        return {
            (panel.title, query.legend): self.prometheus.curves(
                filled_in(query.expression, WINDOW), self.since, self.until
            )
            for panel in board.panels
            for query in panel.queries
        }


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, prometheus: Path) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("watched")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(TAPE))
        patch.setenv("RAY_metrics_report_interval_ms", "1000")
        service = Service(folder / "data", DRILL, command=ON_TAPE)
        service.start()
    try:
        address = str(service.http.base_url).removeprefix("http://").rstrip("/")
        with watching(prometheus, folder / "prometheus", address, nodes(service)) as watched:
            found = drilled(service, watched)
            if kept := os.environ.get(KEEP):
                Path(kept).write_text(json.dumps(as_plain(found)))
            yield found
    finally:
        service.stop()


def nodes(service: Service) -> Path:
    """A list of this service's own Ray nodes: the one that Ray keeps is of all on this machine."""
    found = until(lambda: LOGS.search(service.output.read_text()), "where Ray's session is")
    (port,) = Path(found[1]).parent.glob("metrics_export_port_*")
    listed = service.data_dir / "nodes.json"
    listed.write_text(json.dumps([{"targets": [f"127.0.0.1:{port.read_text().strip()}"]}]))
    return listed


def drilled(service: Service, watched: Prometheus) -> Run:
    def look() -> None:
        """Until what has happened by now has been scraped, and with it what comes after."""
        now = time.time()
        until(lambda: watched.scraped_at() > now + 2, "everything to be scraped", every_s=0.2)

    since = time.time()
    look()
    drill = Drill(service, look)
    drill.run()
    drill.close()
    until(lambda: fires(watched, "FilmgatePromiseBroken"), "the broken promise to be told")
    until(lambda: watched.now(series(gpus.LAST_XID)), "the error that is on the tape")
    look()
    fired = watched.now('group by (alertname) (max_over_time(ALERTS{alertstate="firing"}[1h]))')
    names = frozenset(dict(labels)["alertname"] for labels in fired)
    return Run(prometheus=watched, since=since, until=time.time(), fired=names)


def fires(watched: Prometheus, alert: str) -> bool:
    return any(one["labels"]["alertname"] == alert for one in watched.alerts())


def as_plain(run: Run) -> dict[str, list[list[object]]]:
    """By board: panel, legend, labels and points of each curve."""
    return {
        board.uid: [
            [panel, legend, dict(curve.labels), curve.points]
            for (panel, legend), curves in run.shown(board).items()
            for curve in curves
        ]
        for board in BOARDS
    }


def test_every_rule_is_loaded_and_can_be_worked_out(run: Run) -> None:
    groups = RuleFiles(pace=PACE).groups()["groups"]
    names = [rule.get("record") or rule["alert"] for group in groups for rule in group["rules"]]
    rules = run.prometheus.rules()
    assert {rule["name"]: rule["health"] for rule in rules} == dict.fromkeys(names, "ok")


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_every_query_of_every_panel_returns_data_and_its_series_move(
    run: Run, board: Board
) -> None:
    shown = run.shown(board)
    assert {asked for asked, curves in shown.items() if not curves} == set()
    still = {asked for asked, curves in shown.items() if not any(c.changes for c in curves)}
    assert still - STILL.keys() == set()


def test_a_broken_promise_is_told_with_a_runbook(run: Run) -> None:
    assert {"FilmgatePromiseBroken", "FilmgateGpuXidError"} <= run.fired
    (rule,) = (rule for rule in run.prometheus.rules() if rule["name"] == "FilmgatePromiseBroken")
    assert rule["annotations"]["runbook_url"] == "docs/runbooks.md#filmgatepromisebroken"


def test_nothing_is_told_that_did_not_happen(run: Run) -> None:
    """The disk of the clips has room, and so has every GPU of the tape."""
    assert not {"FilmgateArtifactsDiskNearlyFull", "FilmgateGpuMemoryNearlyFull"} & run.fired
