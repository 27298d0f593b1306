"""Prometheus as the dashboards' source: what each panel shows now, and what it showed over a run."""

import math
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx

from chaos.errors import SignalUnavailable
from chaos.facts.panels import PanelHistory, PanelSeries
from chaos.judge.panel_shown import PanelAnswer
from chaos.reach.http import JsonApi
from chaos.spec.door import Address
from chaos.spec.panel import Panel, Query

_AT_ONCE = 4
_MOST_STEPS = 3_600
_TIMEOUT_SECONDS = 10.0
"""Nobody waits for these answers while a fault is live, and an answer that is given up on is a panel not judged."""


class PanelSource:
    """One Prometheus, asked as Grafana asks it. Times are Unix times but for `wall`-relative ones, in seconds."""

    def __init__(self, address: Address, step: timedelta, transport: httpx.BaseTransport | None = None) -> None:
        self._api = JsonApi("Prometheus", address, transport, _TIMEOUT_SECONDS)
        self._step_seconds = step.total_seconds()

    def answers(self, panels: Iterable[Panel], start: float, end: float) -> list[dict[str, PanelAnswer]]:
        """What each panel's queries give between two Unix times, by the queries' names; never raises."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(
                pool.map(lambda panel: {one.name: self._answer(one, start, end) for one in panel.queries}, panels)
            )

    def histories(self, panels: Iterable[Panel], wall: float, end: float) -> list[PanelHistory]:
        """What each panel showed at every step from Unix time `wall` until `end` seconds later; never raises."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(lambda panel: self._history(panel, wall, end), panels))

    def close(self) -> None:
        """Close its connections."""
        self._api.close()

    def _answer(self, query: Query, start: float, end: float) -> PanelAnswer:
        try:
            series = self._instant(query, end) if query.instant else self._range(query, start, end, self._step_seconds)
        except SignalUnavailable as error:
            return PanelAnswer(str(error))
        return PanelAnswer(None, tuple(sum(value is not None for value in _values(one).values()) for one in series))

    def _history(self, panel: Panel, wall: float, end: float) -> PanelHistory:
        # In a run of hours not every scrape: Prometheus answers 11,000 steps at most, and all are recorded.
        step = self._step_seconds * max(1, math.ceil(end / self._step_seconds / _MOST_STEPS))
        steps = int(end / step) + 1
        lines, errors = [], []
        for query in panel.queries:
            try:
                answer = self._range(query, wall, wall + end, step)
            except SignalUnavailable as error:
                errors.append(f"query {query.name}: {error}")
                continue
            for series in answer:
                by_step = {round((at - wall) / step): value for at, value in _values(series).items()}
                values = [by_step.get(index) for index in range(steps)]
                lines.append(PanelSeries(query.name, series["metric"], values))
        moves_with = list(panel.moves_with)
        amiss = "; ".join(errors) or None
        return PanelHistory(end, panel.dashboard, panel.title, moves_with, step, lines, amiss)

    def _instant(self, query: Query, at: float) -> list[dict[str, Any]]:
        answer = self._api.get("/api/v1/query", query=query.expression, time=at)
        series: list[dict[str, Any]] = answer["data"]["result"]
        return series

    def _range(self, query: Query, start: float, end: float, step: float) -> list[dict[str, Any]]:
        answer = self._api.get("/api/v1/query_range", query=query.expression, start=start, end=end, step=step)
        series: list[dict[str, Any]] = answer["data"]["result"]
        return series


def _values(series: dict[str, Any]) -> dict[float, float | None]:
    """The samples by Unix time; what is no number is None."""
    samples = series["values"] if "values" in series else [series["value"]]
    return {float(at): float(text) if math.isfinite(float(text)) else None for at, text in samples}
