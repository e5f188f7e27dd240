"""What every board keeps: known names, units, words for whoever was woken, stable addresses."""

import json
import re
from collections.abc import Iterator
from typing import Any

import promql_parser
import pytest

from k8s.alerts.recordings import recordings
from k8s.alerts.rule import IN_PRODUCTION
from k8s.dashboards.board import TOLD_BY, as_json
from k8s.dashboards.boards import BOARDS
from k8s.dashboards.panel import Board, Panel
from k8s.promql import VARIABLES, filled_in
from k8s.ray_series import RAY_SERIES
from serve.telemetry.catalogue import CATALOGUE, cluster
from serve.telemetry.catalogue.metric import Metric

ALERTS = "ALERTS"
NAMES = re.compile(r"\b(?:filmgate|ray)_\w+|\b\w+(?::\w+)+|\bALERTS\b")
boards = pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)


def names_of(metric: Metric) -> set[str]:
    if metric.kind != "histogram":
        return {metric.name}
    return {f"{metric.name}_{part}" for part in ("bucket", "sum", "count")}


def known() -> set[str]:
    told = {name for metric in (*CATALOGUE, *RAY_SERIES) for name in names_of(metric)}
    return told | {rule.name for rule in recordings(IN_PRODUCTION)} | {ALERTS}


def expressions(board: Board) -> Iterator[tuple[Panel, str]]:
    for panel in board.panels:
        for query in panel.queries:
            yield panel, query.expression


@boards
def test_every_query_is_one_and_names_only_what_is_measured(board: Board) -> None:
    for panel, expression in expressions(board):
        promql_parser.parse(filled_in(expression, "1m"))
        asked = set(NAMES.findall(expression))
        assert asked, f"{panel.title} asks for nothing"
        assert asked <= known(), f"{panel.title} asks for what nobody measures"


@boards
def test_a_panel_has_a_unit_and_says_what_good_looks_like(board: Board) -> None:
    assert len({panel.title for panel in board.panels}) == len(board.panels)
    for panel in board.panels:
        assert panel.unit, panel.title
        assert len(panel.good) > 20, panel.title
        assert panel.kind == "number" or all(query.legend for query in panel.queries), panel.title


@boards
def test_each_row_fills_lines_of_the_grid(board: Board) -> None:
    for row in board.rows:
        line = 0
        for panel in row.panels:
            line = (line + panel.width) if line + panel.width <= 24 else panel.width
        assert line == 24, f"{row.title}: its last line is {line} of 24 wide"


def test_a_reader_can_choose_a_model_that_nobody_has_asked_for_yet() -> None:
    """`filmgate_jobs_waiting` has no series until a job has waited."""
    assert TOLD_BY["model"] is cluster.WANTED


@boards
def test_a_board_has_the_variables_that_it_uses(board: Board) -> None:
    used = {
        name
        for name in VARIABLES
        if any(f"${name}" in expression for _, expression in expressions(board))
    }
    assert used == {"cluster", *board.variables}


@boards
def test_grafana_gets_addresses_units_and_a_source_of_its_choice(board: Board) -> None:
    stored = json.loads(as_json(board))
    assert stored["uid"] == board.uid
    assert "id" not in stored or stored["id"] is None
    assert [variable["name"] for variable in stored["templating"]["list"]][:2] == [
        "datasource",
        "cluster",
    ]
    panels: list[dict[str, Any]] = [each for each in stored["panels"] if each["type"] != "row"]
    assert len(panels) == len(board.panels)
    assert len({each["id"] for each in stored["panels"]}) == len(stored["panels"])
    for panel in panels:
        assert panel["datasource"]["uid"] == "${datasource}"
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["description"]


def test_boards_have_addresses_of_their_own() -> None:
    assert len({board.uid for board in BOARDS}) == len(BOARDS)
    assert [board.title for board in BOARDS] == [
        "Overview",
        "GPU load",
        "Gate and tiers",
        "Stages and autoscaling",
        "Ray and nodes",
    ]
