"""Turns a board into Grafana's classic JSON, with what every dashboard has: variables, annotations, links."""

import itertools
import json

from grafana_foundation_sdk.builders import common, prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.builders import dashboard as sdk
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models

from dashboards.generator.board import Board, Kind, Panel, Query
from dashboards.generator.links import board_links, runbook_links, trace_links
from dashboards.generator.variables import DATASOURCE, variables

_COLUMNS = 24
_HEIGHT = 7
_TAG = "stormdrill"
_PROMETHEUS = common_models.DataSourceRef(type_val="prometheus", uid=f"${{{DATASOURCE}}}")
_LETTERS = "ABCDEFGH"
_PanelBuilder = timeseries.Panel | statetimeline.Panel | stat.Panel


def to_json(board: Board) -> str:
    """The dashboard's file, the same at every call."""
    builder = (
        sdk.Dashboard(board.title)
        .uid(board.uid)
        .description(board.description)
        .tags([_TAG])
        .readonly()
        .timezone("browser")
        .time("now-15m", "now")
        .refresh("10s")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .links(board_links(_TAG))
    )
    for variable in variables(board):
        builder = builder.with_variable(variable)
    for annotation in _annotations():
        builder = builder.annotation(annotation)
    number = itertools.count(1)
    for row in board.rows:
        builder = builder.with_row(sdk.Row(row.title).id(next(number)))
        for panel in row.panels:
            builder = builder.with_panel(_panel(panel).id(next(number)))
    text = json.dumps(builder.build(), cls=JSONEncoder, indent=1, sort_keys=True, ensure_ascii=False)
    return text + "\n"


def _panel(panel: Panel) -> _PanelBuilder:
    builder = _kind(panel)
    builder = (
        builder.title(panel.title)
        .description(description(panel))
        .unit(panel.unit)
        .datasource(_PROMETHEUS)
        .height(_HEIGHT)
        .span(panel.width)
    )
    for letter, query in zip(_LETTERS, panel.queries, strict=False):
        builder = builder.with_target(_target(letter, query, instant=panel.kind is Kind.NUMBER))
    if panel.alerts:
        builder = builder.links(runbook_links(panel.alerts))
    if panel.traces:
        builder = builder.data_links(trace_links(panel.traces))
    return builder


def description(panel: Panel) -> str:
    """What stands behind the panel's small i: what it shows, and which faults must move it."""
    if not panel.moves_with:
        return panel.description
    return f"{panel.description}\n\nMoves with: {', '.join(panel.moves_with)}."


def _kind(panel: Panel) -> _PanelBuilder:
    match panel.kind:
        case Kind.STATES:
            return _states(panel)
        case Kind.NUMBER:
            return stat.Panel().color_mode(common_models.BigValueColorMode.VALUE)
        case Kind.LINES | Kind.STACK:
            return _lines(panel)


def _states(panel: Panel) -> statetimeline.Panel:
    options = {
        str(state.value): models.ValueMappingResult(text=state.text, color=state.color, index=index)
        for index, state in enumerate(panel.states)
    }
    # Adjoining equal values become one band; a line that vanishes leaves a gap.
    builder = statetimeline.Panel().merge_values(True).show_value(common_models.VisibilityMode.AUTO)
    return builder.mappings([models.ValueMap(options=options)]) if options else builder


def _lines(panel: Panel) -> timeseries.Panel:
    legend = (
        common.VizLegendOptions()
        .display_mode(common_models.LegendDisplayMode.TABLE)
        .placement(common_models.LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs(["lastNotNull", "max"])
    )
    builder = timeseries.Panel().min(0).legend(legend).fill_opacity(10)
    builder = builder.tooltip(common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI))
    if panel.kind is Kind.STACK:
        builder = builder.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL)).fill_opacity(40)
    if panel.limit is not None:
        steps = [models.Threshold(value=None, color="green"), models.Threshold(value=panel.limit, color="red")]
        builder = builder.thresholds(
            sdk.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)
        ).thresholds_style(common.GraphThresholdsStyleConfig().mode(common_models.GraphThresholdsStyleMode.LINE))
    return builder


def _target(letter: str, query: Query, *, instant: bool) -> prometheus.Dataquery:
    target = prometheus.Dataquery().ref_id(letter).expr(query.expression).datasource(_PROMETHEUS)
    target = target.instant() if instant else target.range()
    if query.exemplars:
        target = target.exemplar(True)
    return target.legend_format(query.legend or "__auto")


def _annotations() -> list[sdk.AnnotationQuery]:
    # When the watchdog says that a fault is in place, and when Prometheus says that an alert fires.
    return [
        _annotation("Faults", "chaos_fault_active", "purple", "{{experiment}}", "{{fault}} {{target}}"),
        _annotation(
            "Alerts",
            'ALERTS{alertstate="firing",severity!="none"}',
            "red",
            "{{alertname}}",
            "{{severity}} {{instance}} {{server}}",
        ),
    ]


def _annotation(name: str, expression: str, color: str, title: str, text: str) -> sdk.AnnotationQuery:
    return (
        sdk.AnnotationQuery()
        .name(name)
        .datasource(_PROMETHEUS)
        .enable(True)
        .icon_color(color)
        .expr(expression)
        .step("1s")
        .title_format(title)
        .text_format(text)
        .tag_keys("alertname,experiment")
    )
