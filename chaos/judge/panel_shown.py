"""Decides whether a panel shows something: every one of its queries must give a number."""

from collections.abc import Mapping
from dataclasses import dataclass

from chaos.spec.panel import Panel


@dataclass(frozen=True, slots=True)
class PanelAnswer:
    """What Prometheus said to one query."""

    error: str | None
    """Why it said nothing; None when it answered."""
    finite: tuple[int, ...] = ()
    """For each series, how many of its values are numbers."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What can be seen on one panel."""

    panel: Panel
    series: int
    """Series with at least one number, over all its queries."""
    amiss: tuple[str, ...]
    """One line for each query that shows nothing, with the reason; empty when the whole panel shows data."""


def judge(panel: Panel, answers: Mapping[str, PanelAnswer]) -> Shown:
    """What the answers, by the queries' names, make of the panel. A query without an answer shows nothing."""
    amiss = []
    series = 0
    for query in panel.queries:
        answer = answers.get(query.name, PanelAnswer("was not asked"))
        series += sum(number > 0 for number in answer.finite)
        if why := _amiss(answer):
            amiss.append(f"query {query.name}: {why}: {query.expression}")
    return Shown(panel, series, tuple(amiss))


def _amiss(answer: PanelAnswer) -> str:
    if answer.error is not None:
        return answer.error
    if not answer.finite:
        return "no series"
    return "" if any(answer.finite) else "all NaN"
