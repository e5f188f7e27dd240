"""A panel as Grafana's library builds it."""

from typing import Final

from grafana_foundation_sdk.builders import common, prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models import dashboard as values

from k8s.dashboards.panel import Panel, Query

Builder = timeseries.Panel | stat.Panel | statetimeline.Panel
SOURCE: Final = values.DataSourceRef(type_val="prometheus", uid="${datasource}")


def drawn(panel: Panel) -> Builder:
    """The builder of the panel; whoever lays it out adds its place."""
    builder = _of_kind(panel)
    builder.title(panel.title)
    builder.description(panel.good)
    builder.datasource(SOURCE)
    builder.unit(panel.unit)
    builder.span(panel.width)
    builder.height(panel.height)
    for number, query in enumerate(panel.queries):
        builder.with_target(_target(query, "ABCDEFGH"[number]))
    if panel.top is not None:
        builder.max(panel.top)
    if panel.words:
        builder.mappings([_words(panel)])
    if steps := _steps(panel):
        builder.thresholds(
            build.ThresholdsConfig().mode(values.ThresholdsMode.ABSOLUTE).steps(steps)
        )
    return builder


def _of_kind(panel: Panel) -> Builder:
    if panel.kind == "number":
        return _number(panel)
    if panel.kind == "states":
        return statetimeline.Panel().merge_values(True).row_height(0.8)
    legend = common.VizLegendOptions().display_mode(shapes.LegendDisplayMode.LIST)
    lines = timeseries.Panel().min(0).line_width(2).show_points(shapes.VisibilityMode.NEVER)
    lines.legend(legend.placement(shapes.LegendPlacement.BOTTOM).show_legend(True))
    lines.tooltip(common.VizTooltipOptions().mode(shapes.TooltipDisplayMode.MULTI))
    if panel.kind == "areas":
        stacked = common.StackingConfig().mode(shapes.StackingMode.NORMAL).group("A")
        return lines.stacking(stacked).fill_opacity(40).line_width(1)
    if panel.bad_at is not None or panel.warn_at is not None:
        mode = shapes.GraphThresholdsStyleMode.DASHED
        lines.thresholds_style(common.GraphThresholdsStyleConfig().mode(mode))
    return lines.fill_opacity(8)


def _number(panel: Panel) -> Builder:
    coloured = panel.bad_at is not None or panel.warn_at is not None
    shown = shapes.BigValueColorMode.BACKGROUND if coloured else shapes.BigValueColorMode.VALUE
    latest = common.ReduceDataOptions().calcs(["lastNotNull"])
    return stat.Panel().reduce_options(latest).color_mode(shown).no_value("no data")


def _target(query: Query, ref: str) -> prometheus.Dataquery:
    return (
        prometheus.Dataquery()
        .expr(query.expression)
        .legend_format(query.legend or "__auto")
        .ref_id(ref)
        .datasource(SOURCE)
        .range()
    )


def _steps(panel: Panel) -> list[values.Threshold]:
    """Green, then yellow and red; the other way round where less is worse."""
    warn, bad = panel.warn_at, panel.bad_at
    if warn is None and bad is None:
        return []
    if warn is not None and bad is not None and bad < warn:
        marks: list[tuple[float | None, str]] = [(None, "red"), (bad, "yellow"), (warn, "green")]
    else:
        known = [(at, colour) for at, colour in ((warn, "yellow"), (bad, "red")) if at is not None]
        marks = [(None, "green"), *known]
    return [values.Threshold(value=at, color=colour) for at, colour in marks]


def _words(panel: Panel) -> values.ValueMap:
    return values.ValueMap(
        options={
            f"{value:g}": values.ValueMappingResult(text=word, index=place)
            for place, (value, word) in enumerate(panel.words)
        }
    )
