"""Dashboards for a page, from their JSON, with what Prometheus answers of a live run or a recording has of them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec

from chaos.console.lanes import UNTOLD
from chaos.facts.panels import PanelHistory, PanelSeries
from chaos.spec import panel as panels
from chaos.spec import substitute
from chaos.spec.panel import Panel, Query

MOST_POINTS = 240
"""Of a line: a phone's screen has room for no more."""
MOST_LINES = 20
_OF_THE_ATTACKER = "chaos_"
"""How the names of an attacker's own metrics begin: whoever plays looks at the system."""


class Line(msgspec.Struct, frozen=True):
    """One line of a panel."""

    name: str
    points: list[tuple[float, float]]
    """Seconds since the run's start, and the value then."""


class PanelShown(msgspec.Struct, frozen=True):
    """One panel."""

    title: str
    about: str
    unit: str
    """In Grafana's words; empty: of a number."""
    words: Mapping[str, str]
    """What some values mean."""
    lines: list[Line]
    left_out: int
    """How many more lines it has."""
    silent: bool
    """Whether Prometheus did not answer, or not to every query."""


class BoardShown(msgspec.Struct, frozen=True):
    """One dashboard, from then until then in seconds since the run's start."""

    run: str
    name: str
    start: float
    end: float
    step: float
    """Between two points; longer gaps are gaps."""
    panels: list[PanelShown]


def step_of(seconds: float, scrape_seconds: float) -> float:
    """How far apart the points of a line are that is shown for so many seconds: a whole number of scrapes."""
    return scrape_seconds * max(1, math.ceil(seconds / scrape_seconds / MOST_POINTS))


def read(folder: Path, scrape_seconds: float, step: float) -> list[Panel]:
    """The panels of these dashboards, without queries of what an attacker does. Raises InvalidFile."""
    times = substitute.times(timedelta(seconds=scrape_seconds), panels.SHOWN, timedelta(seconds=step))
    fair = (replace(one, queries=tuple(filter(_is_fair, one.queries))) for one in panels.read(folder, times))
    return [panel for panel in fair if panel.queries]


def names(known: Iterable[Panel], recorded: Iterable[PanelHistory]) -> list[str]:
    """Of all dashboards, each once; those that users' panels are on come first."""
    found = [*(panel.dashboard for panel in known), *(history.dashboard for history in recorded)]
    return sorted(dict.fromkeys(found), key=lambda name: name != "overview")


def shown(
    known: Sequence[Panel], histories: Iterable[PanelHistory], zero: float, between: tuple[float, float]
) -> list[PanelShown]:
    """What these panels showed; `zero`: when a history's first step was, in seconds since the run's start."""
    by_title = {(panel.dashboard, panel.title): panel for panel in known}
    return [
        _panel(by_title.get((history.dashboard, history.panel)), history, zero, between)
        for history in histories
        # One that is in no JSON any more, or is not fair, is left out where there is JSON.
        if not known or (history.dashboard, history.panel) in by_title
    ]


def _panel(panel: Panel | None, history: PanelHistory, zero: float, between: tuple[float, float]) -> PanelShown:
    queries = {query.name: query for query in panel.queries} if panel else {}
    of_fair = [one for one in history.series if not _of_the_attacker(one) and (panel is None or one.query in queries)]
    lines = [_line(queries.get(one.query), one, history.step_seconds, zero, between) for one in of_fair]
    told = [line for line in lines if line.points]
    return PanelShown(
        history.panel,
        panel.about if panel else "",
        panel.unit if panel else "",
        panel.words if panel else {},
        told[:MOST_LINES],
        len(told[MOST_LINES:]),
        history.error is not None,
    )


def _line(query: Query | None, series: PanelSeries, step: float, zero: float, between: tuple[float, float]) -> Line:
    labels = {name: value for name, value in series.labels.items() if name not in UNTOLD}
    start, end = between
    points = [(round(zero + index * step, 2), value) for index, value in enumerate(series.values) if value is not None]
    every = max(1, math.ceil((end - start) / step / MOST_POINTS))
    # As Prometheus would answer if it were asked in longer steps.
    kept = [(at, value) for at, value in points if start <= at <= end and round((at - zero) / step) % every == 0]
    return Line((query or Query("", "")).line(labels) or series.query, kept)


def _is_fair(query: Query) -> bool:
    return _OF_THE_ATTACKER not in query.expression


def _of_the_attacker(series: PanelSeries) -> bool:
    return series.labels.get("__name__", "").startswith(_OF_THE_ATTACKER)
