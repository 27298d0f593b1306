"""The panels of a folder of Grafana dashboards (classic JSON), with their queries as Prometheus is to see them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import msgspec

from chaos.errors import InvalidFile
from chaos.spec import substitute
from chaos.spec.target import Target

MOVES_WITH = re.compile(r"^Moves with: (.+)\.$", re.MULTILINE)
"""The line of a description that says which faults must move the panel; the reader of the dashboard sees it too."""
SHOWN = timedelta(minutes=5)
"""How much time a dashboard is taken to show: what `$__range` is."""
_LABEL_VALUES = re.compile(r"label_values\((.+), *(\w+)\)")
_LABEL = re.compile(r"\{\{ *(\w+) *\}\}")
_AUTO = "__auto"
"""Grafana's name for its own choice of a legend."""


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel."""

    name: str
    """Grafana's letter for it."""
    expression: str
    """PromQL, all variables substituted."""
    instant: bool = False
    """Whether the panel shows the present only."""
    legend: str = ""
    """What stands beside each of its lines, with labels such as `{{instance}}`; empty: all of its labels."""

    def line(self, labels: Mapping[str, str]) -> str:
        """The name of the line that has these labels."""
        if not self.legend:
            return ", ".join(f"{name}={value}" for name, value in sorted(labels.items()) if name != "__name__")
        return _LABEL.sub(lambda match: labels.get(match[1], ""), self.legend).strip()


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel of one dashboard."""

    dashboard: str
    """The dashboard's uid."""
    title: str
    queries: tuple[Query, ...]
    moves_with: tuple[str, ...] = ()
    """Faults that must move it, such as `process.kill shop`."""
    runbooks: tuple[str, ...] = ()
    """What its links lead to, by the last part of their addresses and without its ending: runbooks are called so as
    their alerts."""
    about: str = ""
    """What it shows, in the dashboard's words; not which fault moves it."""
    unit: str = ""
    """In Grafana's words; empty: of a number."""
    words: Mapping[str, str] = field(default_factory=dict)
    """What some of its values mean."""


def read(folder: Path, times: dict[str, str]) -> list[Panel]:
    """Every panel of every `*.json` in the folder. `times` gives Grafana's own variables, such as `__rate_interval`.

    Raises InvalidFile for what is no dashboard, for a folder without one, and for a panel without a query.
    """
    panels = [panel for file in sorted(folder.glob("*.json")) for panel in _of_file(file, times, _panel)]
    if not panels:
        raise InvalidFile(folder, "", "no dashboard in any *.json")
    return panels


def read_variables(folder: Path, times: dict[str, str]) -> list[Panel]:
    """The queries behind the dashboards' variables, each as a panel: without values its dashboard shows nothing."""
    return [panel for file in sorted(folder.glob("*.json")) for panel in _of_file(file, times, _variables)]


def of_target(target: Target) -> list[Panel]:
    """The panels of a stack's dashboards, each showing the last SHOWN; none where it has none. Raises InvalidFile."""
    if target.dashboards is None:
        return []
    return read(Path(target.dashboards.folder), substitute.times(target.dashboards.scrape_interval, SHOWN))


def _of_file(file: Path, times: dict[str, str], part: Any) -> list[Panel]:
    try:
        board = msgspec.json.decode(file.read_bytes())
        variables = times | _all_values(board)
        return list(part(board, variables))
    except (KeyError, TypeError, AttributeError, msgspec.DecodeError, ValueError) as error:
        raise InvalidFile(file, "", f"not a dashboard that can be read: {type(error).__name__}: {error}") from error


def _panel(board: dict[str, Any], variables: dict[str, str]) -> Iterator[Panel]:
    for panel in _flat(board["panels"]):
        queries = tuple(_query(target, variables) for target in panel["targets"])
        if not queries:
            raise ValueError(f"panel {panel['title']!r} has no query")
        about = panel.get("description", "")
        found = MOVES_WITH.search(about)
        moves_with = tuple(found[1].split(", ")) if found else ()
        links = tuple(PurePosixPath(urlsplit(str(link.get("url", ""))).path).stem for link in panel.get("links") or [])
        shown = (panel.get("fieldConfig") or {}).get("defaults") or {}
        told, unit = MOVES_WITH.sub("", about).strip(), shown.get("unit", "")
        yield Panel(board["uid"], panel["title"], queries, moves_with, links, told, unit, _words(shown))


def _query(target: dict[str, Any], variables: dict[str, str]) -> Query:
    expression = substitute.substitute(target["expr"], variables)
    legend = target.get("legendFormat") or ""
    return Query(target["refId"], expression, bool(target.get("instant")), "" if legend == _AUTO else legend)


def _words(shown: dict[str, Any]) -> dict[str, str]:
    values = [one["options"] for one in shown.get("mappings") or () if one["type"] == "value"]
    return {value: to["text"] for options in values for value, to in options.items() if to.get("text")}


def _flat(panels: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for panel in panels:
        if panel["type"] == "row":
            # A collapsed row holds its panels; an open one is followed by them.
            yield from _flat(panel.get("panels") or [])
        elif panel["type"] != "text":
            yield panel


def _variables(board: dict[str, Any], variables: dict[str, str]) -> Iterator[Panel]:
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            selector, label = _label_values(variable["query"])
            query = Query("A", substitute.substitute(f"count by ({label}) ({selector})", variables), instant=True)
            yield Panel(board["uid"], f"variable ${variable['name']}", (query,))


def _label_values(query: str | dict[str, Any]) -> tuple[str, str]:
    text = query if isinstance(query, str) else str(query["query"])
    match = _LABEL_VALUES.fullmatch(text)
    if match is None:
        raise ValueError(f"variable query {text!r} is not label_values(selector, label)")
    return match[1], match[2]


def _all_values(board: dict[str, Any]) -> dict[str, str]:
    """What Grafana puts in for each variable while `All` is chosen; of a text, what stands in it."""
    values = {}
    for variable in board["templating"]["list"]:
        match variable["type"]:
            case "query" if variable.get("includeAll"):
                values[variable["name"]] = variable["allValue"]
            case "textbox" | "constant" | "custom":
                values[variable["name"]] = str(variable["current"]["value"])
    return values
