"""A dashboard as Grafana stores it: variables, links to its neighbours, and panels in rows."""

import json
from typing import Final

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as values

from k8s.dashboards.drawing import SOURCE, drawn
from k8s.dashboards.panel import Board
from k8s.promql import ANYTHING, CLUSTER
from serve.telemetry.catalogue import cluster, gate
from serve.telemetry.catalogue.metric import Metric

TAG: Final = "filmgate"
TOLD_BY: Final[dict[str, Metric]] = {
    CLUSTER: cluster.BUILD,
    "model": cluster.WANTED,
    "tier": gate.SATURATION,
}
"""A metric that has every value of the variable."""


def as_json(board: Board) -> str:
    """What Grafana imports; the same bytes for the same board."""
    dashboard = (
        build.Dashboard(f"filmgate / {board.title}")
        .uid(board.uid)
        .description(board.about)
        .tags([TAG])
        .timezone("browser")
        .tooltip(values.DashboardCursorSync.CROSSHAIR)
        .time("now-3h", "now")
        .refresh("30s")
        .variables([_source(), *(_variable(name) for name in (CLUSTER, *board.variables))])
        .link(_neighbours())
    )
    numbers = iter(range(1, 1_000))
    for row in board.rows:
        dashboard.with_row(build.Row(row.title).id(next(numbers)))
        for panel in row.panels:
            dashboard.with_panel(drawn(panel).id(next(numbers)))
    plain = json.loads(JSONEncoder().encode(dashboard.build()))
    return json.dumps(plain, indent=1, sort_keys=True) + "\n"


def _source() -> build.DatasourceVariable:
    return build.DatasourceVariable("datasource").label("Data source").type("prometheus")


def _variable(name: str) -> build.QueryVariable:
    everything = values.VariableOption(selected=True, text="All", value="$__all")
    return (
        build.QueryVariable(name)
        .label(name.capitalize())
        .datasource(SOURCE)
        .query(f"label_values({TOLD_BY[name].name}, {name})")
        .refresh(values.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(values.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(ANYTHING)
        .current(everything)
    )


def _neighbours() -> build.DashboardLink:
    return (
        build.DashboardLink("filmgate")
        .type(values.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(True)
        .include_vars(True)
        .keep_time(True)
    )
