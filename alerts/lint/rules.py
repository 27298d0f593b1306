"""Judges each rule by itself: its name, its fields, its expression and the series that it reads."""

import re
from collections.abc import Iterator

from promql_parser import Expr

from alerts.lint import expressions, labels
from alerts.lint.duration import seconds
from alerts.lint.folder import Everything, Rule
from alerts.lint.problem import Problem
from alerts.lint.promql import name_of, read, selectors
from alerts.lint.snapshot import SOMETIMES, Snapshot

SEVERITIES = {"critical", "warning", "none"}
ANNOTATIONS = ["summary", "description", "runbook_url", "dashboard_url"]
EVALUATION_SECONDS = 15.0
_RECORD = re.compile(r"\w+:\w+:\w+")
_TEMPLATE = re.compile(r"{{.*?}}")
_LABEL = re.compile(r"\$labels\.(\w+)")
_UNIT = r"(?:ms|s|m|h|d|seconds?|minutes?|hours?|days?|weeks?)"
_DURATION = re.compile(rf"\b(?:\d+|one|two|three|five|ten|fifteen|thirty|sixty)[ -]?{_UNIT}\b", re.IGNORECASE)
_BOARD = re.compile(r"/d/(?P<uid>[^/?#]+)")
_VARIABLE = re.compile(r"[?&]var-(\w+)=")


def check(everything: Everything, snapshot: Snapshot) -> Iterator[Problem]:
    """Everything that is wrong with single rules."""
    seen: set[tuple[str, tuple[tuple[str, str], ...]]] = set()
    for rule in everything.rules:
        # One name may have several severities: Alertmanager and inhibition tell alerts apart by their labels.
        known = rule.name, tuple(sorted(rule.labels.items()))
        if known in seen and rule.is_alert:
            yield Problem(rule.file, rule.name, "the alert is defined twice, with the same labels")
        seen.add(known)
        for what in _of_rule(rule, everything, snapshot):
            yield Problem(rule.file, rule.name, what)


def _of_rule(rule: Rule, everything: Everything, snapshot: Snapshot) -> Iterator[str]:
    try:
        tree = read(rule.expression)
    except ValueError as error:
        yield str(error)
        return
    yield from _series(tree, everything, snapshot)
    yield from expressions.of_rule(tree, snapshot)
    yield from _holds(rule)
    if rule.is_alert:
        if rule.name not in everything.exemptions.always_firing:
            yield from expressions.of_alert(tree)
        yield from _fields(rule, everything)
        yield from _labels(rule, tree, everything, snapshot)
    elif not _RECORD.fullmatch(rule.name):
        yield "a record is named level:metric:operation"


def _series(tree: Expr, everything: Everything, snapshot: Snapshot) -> Iterator[str]:
    known = frozenset(everything.alerts)
    for selector in selectors(tree):
        if ":" in name_of(selector):
            if name_of(selector) not in everything.records:
                yield f"no rule records {name_of(selector)}"
        else:
            yield from snapshot.faults_of(selector, known)


def _holds(rule: Rule) -> Iterator[str]:
    for key, text in (("for", rule.hold), ("keep_firing_for", rule.keep_firing)):
        try:
            held = seconds(text or "0s")
        except ValueError as error:
            yield f"{key}: {error}"
            continue
        if held % EVALUATION_SECONDS:
            yield f"{key}: {text} is no multiple of {EVALUATION_SECONDS:g} s, when rules are evaluated"


def _fields(rule: Rule, everything: Everything) -> Iterator[str]:
    if rule.labels.get("severity") not in SEVERITIES:
        yield f"severity is one of {', '.join(sorted(SEVERITIES))}"
    if not rule.labels.get("component"):
        yield "has no component"
    for name in ANNOTATIONS:
        if not rule.annotations.get(name):
            yield f"has no {name}"
    if "{{" in rule.annotations.get("summary", ""):
        yield "summary: is one for all of a group, so it has no templates"
    if "$value" not in rule.annotations.get("description", "$value"):
        yield "description: does not say $value"
    for name, text in rule.annotations.items():
        if not name.endswith("_url") and (found := _DURATION.search(_TEMPLATE.sub("", text))):
            yield f"{name}: says {found[0]!r}, which is not true in a drill"
    if not rule.annotations.get("runbook_url", f"/alerts/runbooks/{rule.name}.md").endswith(
        f"/alerts/runbooks/{rule.name}.md"
    ):
        yield f"runbook_url: does not end in /alerts/runbooks/{rule.name}.md"
    yield from _board(rule, everything)


def _board(rule: Rule, everything: Everything) -> Iterator[str]:
    url = rule.annotations.get("dashboard_url", "")
    named = _BOARD.search(url)
    if url and not named:
        yield "dashboard_url: names no dashboard: /d/<uid>"
    if not named or everything.panels is None:
        return
    variables = everything.boards.get(named["uid"])
    if variables is None:
        yield f"dashboard_url: no such dashboard: {named['uid']}"
        return
    for name in sorted(set(_VARIABLE.findall(url)) - variables):
        yield f"dashboard_url: dashboard {named['uid']} has no variable {name}"


def _labels(rule: Rule, tree: Expr, everything: Everything, snapshot: Snapshot) -> Iterator[str]:
    kept = labels_of(tree, everything, snapshot)
    if kept is None:
        return
    for name, text in rule.annotations.items():
        for label in sorted(set(_LABEL.findall(text)) - kept - rule.labels.keys()):
            yield f"{name}: $labels.{label} is always empty: the expression does not keep it"


def labels_of(tree: Expr, everything: Everything, snapshot: Snapshot) -> labels.Labels | None:
    """The labels of an expression's result, through the records that it reads."""

    def known(name: str) -> labels.Labels | None:
        if name in SOMETIMES:
            return None
        record = everything.records.get(name)
        return labels.of(read(record.expression), known) if record else snapshot.labels_of(name)

    return labels.of(tree, known)
