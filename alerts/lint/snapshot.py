"""`series.yml`: which series a running stack has, with their types and labels; and whether a selector finds any."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from promql_parser import Matcher, MatchOp, VectorSelector

from alerts.lint.folder import LOADER
from alerts.lint.problem import Unreadable
from alerts.lint.promql import accepts, matchers, name_of

ANY = "any"
# Prometheus writes these itself, and only while there is something to say; so no snapshot can be asked for them.
SOMETIMES = {
    "ALERTS": "exists for an alert while it is pending or fires",
    "ALERTS_FOR_STATE": "as ALERTS",
    "chaos_fault_active": "its series exist while a fault is in place",
}
# Values of labels that only stacks with other settings have, which a snapshot of the usual one has not.
OF_OTHER_STACKS = {"job": {"edge": "HAProxy's edges: there are some where STORMDRILL_CONNECTIONS needs them"}}
# Prometheus 3 stores these as floats ("1.0") where a target writes "1"; take the snapshot with Prometheus 2, which
# stores what is written.
_BOUNDS = {"le", "quantile"}
# Stands for a variable of a dashboard, whose value is chosen by who looks.
VARIABLE = "VARIABLE"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric name's series."""

    type: str
    """counter, gauge, summary or unknown; the parts of a histogram are counters."""
    labels: Mapping[str, tuple[str, ...] | None]
    """Label → its values, the empty one where a series lacks the label; None: any value."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All metric names a running stack has."""

    metrics: Mapping[str, Metric]

    def type_of(self, selector: VectorSelector) -> str:
        """The selected metric's type; `unknown` for what is not in the snapshot."""
        metric = self.metrics.get(name_of(selector))
        return metric.type if metric else "unknown"

    def labels_of(self, name: str) -> frozenset[str] | None:
        """The labels of a metric; None for one that is not known."""
        metric = self.metrics.get(name)
        return frozenset(metric.labels) if metric else None

    def faults_of(self, selector: VectorSelector, alerts: frozenset[str]) -> Iterator[str]:
        """What makes a selector find nothing on a running stack."""
        name = name_of(selector)
        if name in SOMETIMES:
            yield from _unknown_alerts(selector, alerts)
        elif name:
            yield from self._faults_of_metric(name, matchers(selector))
        else:
            patterns = [m for m in selector.matchers.matchers if m.name == "__name__"]
            if not any(all(accepts(pattern, known) for pattern in patterns) for known in self.metrics):
                yield f"no metric of the running stack has a name like {selector}"

    def _faults_of_metric(self, name: str, asked: list[Matcher]) -> Iterator[str]:
        metric = self.metrics.get(name)
        if metric is None:
            yield f"no such metric on the running stack: {name}"
            return
        for matcher in asked:
            if matcher.name not in metric.labels:
                yield f"{name} has no label {matcher.name}"
            elif VARIABLE not in matcher.value:
                yield from _missing_values(name, matcher, metric.labels[matcher.name])
                if matcher.name in _BOUNDS:
                    yield from _by_one_release_only(name, matcher, metric.labels[matcher.name])


def _missing_values(name: str, matcher: Matcher, values: tuple[str, ...] | None) -> Iterator[str]:
    if values is None:
        return
    if not any(accepts(matcher, value) for value in values):
        yield f"no {name} has {matcher}; there are: {', '.join(value or '(none)' for value in values)}"
    elif matcher.op in (MatchOp.Re, MatchOp.NotRe) and re.fullmatch(r"[\w|]+", matcher.value):
        # A pattern that is a plain list: each of its words must be there, or one is misspelt.
        known = {*values, "", *OF_OTHER_STACKS.get(matcher.name, ())}
        for missing in sorted(set(matcher.value.split("|")) - known):
            yield f"no {name} has {matcher.name}={missing!r}; there are: {', '.join(v or '(none)' for v in values)}"


def _by_one_release_only(name: str, matcher: Matcher, values: tuple[str, ...] | None) -> Iterator[str]:
    for value in values or ():
        stored = f"{value}.0"
        if value.isdecimal() and accepts(matcher, value) != accepts(matcher, stored):
            yield f"{name}: {matcher} means {value!r}, which Prometheus 3 stores as {stored!r}: it must take both"


def _unknown_alerts(selector: VectorSelector, alerts: frozenset[str]) -> Iterator[str]:
    for matcher in matchers(selector):
        if matcher.name == "alertname" and matcher.op == MatchOp.Equal and matcher.value not in alerts:
            yield f"no such alert: {matcher.value}"


def load(path: Path) -> Snapshot:
    """Read a snapshot. Raises Unreadable for a file that is none."""
    try:
        document = yaml.load(path.read_text(), Loader=LOADER)  # noqa: S506  # both are safe
        return Snapshot({name: _metric(body) for name, body in document.items()})
    except (OSError, yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        raise Unreadable(path, "-", f"not readable as a snapshot of series: {error}") from error


def _metric(body: Mapping[str, object]) -> Metric:
    labels = body["labels"]
    if not isinstance(labels, dict):
        raise TypeError("labels are no mapping")
    known = {str(name): None if values == ANY else tuple(map(str, values)) for name, values in labels.items()}
    return Metric(str(body["type"]), known)
