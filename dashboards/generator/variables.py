"""The variables at the top of a dashboard: the data source, what the board offers, and the trace search's address."""

from grafana_foundation_sdk.builders import dashboard as sdk
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models

from dashboards.generator.board import Board, Variable

DATASOURCE = "datasource"
TRACE_SEARCH = "jaeger"
TRACE_SEARCH_URL = "http://127.0.0.1:18013"
"""The Jaeger of a stack on the default ports; whoever provisions the dashboards puts his own here."""
_ALL = models.VariableOption(text="All", value="$__all")
_VariableBuilder = sdk.QueryVariable | sdk.DatasourceVariable | sdk.TextBoxVariable


def variables(board: Board) -> list[_VariableBuilder]:
    """All variables of a board, in the order in which they are shown."""
    datasource = sdk.DatasourceVariable(DATASOURCE).label("Data source").type("prometheus")
    texts = {**board.texts, TRACE_SEARCH: TRACE_SEARCH_URL}
    return [datasource, *map(_query, board.variables), *(_text(name, value) for name, value in texts.items())]


def _query(variable: Variable) -> sdk.QueryVariable:
    return (
        sdk.QueryVariable(variable.name)
        .label(variable.label)
        .datasource(common_models.DataSourceRef(type_val="prometheus", uid=f"${{{DATASOURCE}}}"))
        .query(f"label_values({variable.selector}, {variable.values_of})")
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".+")
        .current(_ALL)
    )


def _text(name: str, value: str) -> sdk.TextBoxVariable:
    option = models.VariableOption(text=value, value=value)
    return sdk.TextBoxVariable(name).label(name.capitalize()).default_value(value).current(option)
