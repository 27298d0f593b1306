"""Judges what dashboards ask: each expression is read with its variables filled in, and its series must exist."""

import re
from collections.abc import Iterator

from alerts.lint import expressions
from alerts.lint.folder import Everything, Panel
from alerts.lint.problem import Problem
from alerts.lint.promql import name_of, read, selectors
from alerts.lint.snapshot import VARIABLE, Snapshot

# Grafana's own variables stand where a duration does; any will do to read the expression.
_DURATIONS = re.compile(r"\$(?:__rate_interval|__interval|__range)\b|\$\{(?:__rate_interval|__interval|__range)\}")
_VARIABLES = re.compile(r"\$\{\w+(?::\w+)?\}|\$\w+|\[\[\w+\]\]")


def filled_in(expression: str) -> str:
    """The expression with a duration or a word in the place of each variable."""
    return _VARIABLES.sub(VARIABLE, _DURATIONS.sub("5m", expression))


def check(everything: Everything, snapshot: Snapshot) -> Iterator[Problem]:
    """Everything that is wrong with what dashboards ask."""
    for panel in everything.panels or ():
        for what in _of_panel(panel, everything, snapshot):
            yield Problem(panel.file, panel.place, what)


def _of_panel(panel: Panel, everything: Everything, snapshot: Snapshot) -> Iterator[str]:
    try:
        tree = read(filled_in(panel.expression))
    except ValueError as error:
        yield str(error)
        return
    known = frozenset(everything.alerts)
    for selector in selectors(tree):
        if ":" in name_of(selector):
            if name_of(selector) not in everything.records:
                yield f"no rule records {name_of(selector)}"
        else:
            yield from snapshot.faults_of(selector, known)
    yield from expressions.of_any(tree, snapshot)
