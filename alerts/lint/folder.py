"""Reads rules, promtool cases, runbooks, dashboards, experiments and exemptions into values; judges nothing."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from alerts.lint.problem import Unreadable

# The one in C is ten times as fast, and not everywhere.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# How a Grafana variable asks for a label's values: not PromQL, but a selector is in it.
_LABEL_VALUES = re.compile(r"label_values\((?P<selector>.+),\s*\w+\s*\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Rule:
    """One alerting or recording rule."""

    file: str
    name: str
    """The alert's or the recorded series' name."""
    expression: str
    is_alert: bool
    hold: str
    """Its `for`; empty without one."""
    keep_firing: str
    labels: dict[str, str]
    annotations: dict[str, str]


@dataclass(frozen=True, slots=True)
class Check:
    """What a promtool case expects of one alert at one time."""

    alert: str
    at: str
    expected: tuple[tuple[dict[str, str], dict[str, str]], ...]
    """(labels, annotations) of each alert that fires; none: it is silent."""


@dataclass(frozen=True, slots=True)
class Query:
    """What a promtool case expects of one expression at one time."""

    expression: str
    at: str
    samples: tuple[str, ...]
    """The labels of each sample, as PromQL."""


@dataclass(frozen=True, slots=True)
class Case:
    """One promtool case."""

    file: str
    name: str
    series: tuple[str, ...]
    """The series it puts in, as PromQL selectors."""
    checks: tuple[Check, ...]
    queries: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """One expression of a dashboard."""

    file: str
    place: str
    expression: str


@dataclass(frozen=True, slots=True)
class Exemptions:
    """Alert → why a check does not hold for it."""

    no_experiment: dict[str, str]
    always_firing: dict[str, str]


@dataclass(frozen=True, slots=True)
class Folders:
    """Where everything is; a folder that is None is not checked."""

    alerts: Path
    dashboards: Path | None
    experiments: Path | None


@dataclass(frozen=True, slots=True)
class Everything:
    """All files, read."""

    rules: tuple[Rule, ...]
    cases: tuple[Case, ...]
    test_files: dict[str, tuple[list[str], str]]
    """Test file → its rule files and its evaluation interval."""
    runbooks: dict[str, str]
    """Alert → text."""
    panels: tuple[Panel, ...] | None
    """None: dashboards are not checked."""
    boards: dict[str, frozenset[str]]
    """File stem in the dashboards' folder → the names of its variables."""
    claimed: dict[str, tuple[str, ...]] | None
    """Experiment file → the alerts it lists; None: experiments are not checked."""
    exemptions: Exemptions = field(default_factory=lambda: Exemptions({}, {}))

    @property
    def alerts(self) -> dict[str, Rule]:
        """The alerting rules by name."""
        return {rule.name: rule for rule in self.rules if rule.is_alert}

    @property
    def records(self) -> dict[str, Rule]:
        """The recording rules by name."""
        return {rule.name: rule for rule in self.rules if not rule.is_alert}


def read(folders: Folders) -> Everything:
    """Read all files. Raises Unreadable for the first that is not what it should be."""
    tests = {path: _yaml(path) for path in sorted(folders.alerts.glob("*.test.yml"))}
    exemptions = _yaml(folders.alerts / "exemptions.yml")
    boards = sorted(folders.dashboards.glob("*.json")) if folders.dashboards else []
    experiments = sorted(folders.experiments.glob("*.yaml")) if folders.experiments else []
    return Everything(
        rules=tuple(rule for path in sorted(folders.alerts.glob("*.rules.yml")) for rule in _rules(path)),
        cases=tuple(case for path, document in tests.items() for case in _cases(path, document)),
        test_files={
            path.name: (list(document.get("rule_files", [])), str(document.get("evaluation_interval", "")))
            for path, document in tests.items()
        },
        runbooks={path.stem: path.read_text() for path in sorted((folders.alerts / "runbooks").glob("*.md"))},
        panels=tuple(panel for path in boards for panel in _panels(path)) if folders.dashboards else None,
        boards={path.stem: _variables(path) for path in boards},
        claimed={path.name: _claims(path) for path in experiments} if folders.experiments else None,
        exemptions=Exemptions(exemptions.get("no_experiment") or {}, exemptions.get("always_firing") or {}),
    )


def _yaml(path: Path) -> dict[str, Any]:
    try:
        document = yaml.load(path.read_text(), Loader=LOADER)  # noqa: S506  # both are safe
    except (OSError, yaml.YAMLError) as error:
        raise Unreadable(path, "-", f"not readable: {' '.join(str(error).split())}") from error
    if not isinstance(document, dict):
        raise Unreadable(path, "-", "not a mapping")
    return document


def _rules(path: Path) -> Iterator[Rule]:
    for group in _yaml(path).get("groups") or []:
        for number, body in enumerate(group.get("rules") or []):
            name = body.get("alert") or body.get("record")
            if not name or "expr" not in body:
                raise Unreadable(path, f"{group.get('name')}: rule {number + 1}", "has no name or no expr")
            yield Rule(
                path.name, str(name), str(body["expr"]), "alert" in body, str(body.get("for", "")),
                str(body.get("keep_firing_for", "")), _texts(body.get("labels")), _texts(body.get("annotations")),
            )  # fmt: skip


def _cases(path: Path, document: dict[str, Any]) -> Iterator[Case]:
    for number, test in enumerate(document.get("tests") or []):
        try:
            yield Case(
                path.name,
                str(test.get("name") or f"case {number + 1}"),
                tuple(str(series["series"]) for series in test.get("input_series") or []),
                tuple(_check(check) for check in test.get("alert_rule_test") or []),
                tuple(_query(query) for query in test.get("promql_expr_test") or []),
            )
        except KeyError as error:
            raise Unreadable(path, str(test.get("name")), f"a key is missing: {error}") from error


def _check(check: dict[str, Any]) -> Check:
    expected = check.get("exp_alerts") or []
    fired = tuple((_texts(each.get("exp_labels")), _texts(each.get("exp_annotations"))) for each in expected)
    return Check(str(check["alertname"]), str(check["eval_time"]), fired)


def _query(query: dict[str, Any]) -> Query:
    samples = tuple(str(sample["labels"]) for sample in query.get("exp_samples") or [])
    return Query(str(query["expr"]), str(query["eval_time"]), samples)


def _panels(path: Path) -> Iterator[Panel]:
    try:
        document = json.loads(path.read_text())
    except ValueError as error:
        raise Unreadable(path, "-", f"not readable: {error}") from error
    yield from _expressions(path.name, document, "")


def _variables(path: Path) -> frozenset[str]:
    variables = json.loads(path.read_text()).get("templating", {}).get("list", [])
    return frozenset(str(variable["name"]) for variable in variables)


def _expressions(file: str, tree: Any, place: str) -> Iterator[Panel]:
    """Every `expr` below: of panels, in rows or not, and of annotations; variables that ask for label values too."""
    if isinstance(tree, list):
        for item in tree:
            yield from _expressions(file, item, place)
    if isinstance(tree, dict):
        place = str(tree.get("title") or tree.get("name") or place)
        for key, value in tree.items():
            if key == "expr" and isinstance(value, str) and value:
                yield Panel(file, place, value)
            elif key == "query" and isinstance(value, str) and (asked := _LABEL_VALUES.fullmatch(value)):
                yield Panel(file, place, asked["selector"])
            else:
                yield from _expressions(file, value, place)


def _claims(path: Path) -> tuple[str, ...]:
    return tuple(str(alert.get("name")) for alert in _yaml(path).get("alerts") or [])


def _texts(mapping: Any) -> dict[str, str]:
    return {str(name): str(value) for name, value in (mapping or {}).items()}
