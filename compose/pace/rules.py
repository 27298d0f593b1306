"""Rules in drill time: each is taken with its durations scaled, or left out with its reason."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from promql_parser import Expr

from compose.pace.meaning import Factor, MeaningChanges, factor_of
from compose.pace.promql import durations, metrics, read, scale_expression, watched_alerts
from compose.pace.rule_files import RuleDocument
from compose.pace.timing import DrillTimeError, Durations, Kind, TimingProfile

_RULE_DURATIONS = {"for": Kind.HOLD, "keep_firing_for": Kind.HOLD}
_GROUP_DURATIONS = {"interval": Kind.INTERVAL, "query_offset": Kind.OFFSET}
_MOST_STEPS = 20
"""So many recording rules one behind the other are seen through."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a file, as parsed YAML."""

    where: str
    """File, group and place in the group, for messages."""
    file: str
    group: dict[str, Any]
    """What the group says beside its rules."""
    body: dict[str, Any]

    @property
    def name(self) -> str:
        """The alert's or the recorded series' name."""
        return str(self.body.get("alert") or self.body.get("record") or "")

    @property
    def is_alert(self) -> bool:
        """Whether it is no recording rule."""
        return bool(self.body.get("alert"))

    @property
    def expression(self) -> str:
        """Its PromQL, without the line ends YAML adds."""
        return str(self.body["expr"]).strip()

    @property
    def labels(self) -> dict[str, str]:
        """Its own labels and, below them, its group's, as text."""
        return _texts(self.group.get("labels")) | _texts(self.body.get("labels"))


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A rule that is not part of the drill."""

    name: str
    where: str
    reason: str


def rules_of(documents: Iterable[RuleDocument]) -> list[Rule]:
    """Every rule, in the order they stand in."""
    return [rule for document in documents for group in document.groups for rule in _of_group(document.source, group)]


def _of_group(file: str, group: dict[str, Any]) -> list[Rule]:
    about = {key: value for key, value in group.items() if key != "rules"}
    # The place in the group tells apart rules that record one name with different labels.
    return [
        Rule(f"{file}: {group['name']}[{place}] {_name(body)}", file, about, body)
        for place, body in enumerate(group.get("rules") or [])
    ]


def _name(body: Mapping[str, Any]) -> str:
    return str(body.get("alert") or body.get("record") or "(no name)")


def left_out(rules: list[Rule], profile: TimingProfile) -> dict[str, LeftOut]:
    """Where a rule stands → why it cannot be run in drill time: what it is itself, or what it reads."""
    out: dict[str, LeftOut] = {}
    trees: dict[str, tuple[Rule, Expr]] = {}
    for rule in rules:
        if problem := _not_a_rule(rule, profile):
            out[rule.where] = LeftOut(rule.name, rule.where, problem)
        if rule.body.get("expr") and not problem:
            trees[rule.where] = rule, read(rule.expression, rule.where)
    records = _recorded(trees, profile)
    for where, (rule, tree) in trees.items():
        if problem := _changed(rule, tree, records, profile):
            out[where] = LeftOut(rule.name, where, problem)
    return _with_readers(out, rules, trees)


def _not_a_rule(rule: Rule, profile: TimingProfile) -> str:
    """What is wrong with a rule as such; empty: nothing."""
    if not rule.name or (rule.body.get("alert") and rule.body.get("record")):
        return "neither an alert nor a recording rule"
    if not rule.body.get("expr"):
        return "has no expr"
    labels = [rule.body.get("labels"), rule.body.get("annotations"), rule.group.get("labels")]
    if not all(_is_texts(each) for each in labels):
        return "has labels or annotations that are no text"
    try:
        # Tried on paper: what cannot be scaled whole is left out before anything is written.
        tried = Durations(profile)
        _scale_keys(rule.group, _GROUP_DURATIONS, rule.where, tried)
        _scaled(rule, tried)
    except DrillTimeError as error:
        return str(error).removeprefix(f"{rule.where}: ")
    return ""


def _changed(rule: Rule, tree: Expr, records: Mapping[str, frozenset[Factor]], profile: TimingProfile) -> str:
    """Why a rule would mean something else in drill time; empty: it would not."""
    longest = max((abs(length) for _, length in durations(tree)), default=timedelta(0))
    if longest >= profile.longest_window:
        return f"looks back {longest}"
    if profile.scale == 1 and all(
        profile.in_drill(abs(length), kind) == abs(length) for kind, length in durations(tree)
    ):
        return ""
    try:
        factor_of(tree, records, profile)
    except MeaningChanges as error:
        return str(error)
    return ""


def _recorded(trees: Mapping[str, tuple[Rule, Expr]], profile: TimingProfile) -> dict[str, frozenset[Factor]]:
    """What each recorded series becomes; rules that read one another are gone through until nothing changes."""
    known: dict[str, frozenset[Factor]] = {}
    for _ in range(_MOST_STEPS):
        found: dict[str, frozenset[Factor]] = {}
        for rule, tree in trees.values():
            if not rule.is_alert:
                try:
                    factor = factor_of(tree, known, profile) or Factor()
                except MeaningChanges:
                    continue
                found[rule.name] = found.get(rule.name, frozenset()) | {factor}
        if found == known:
            break
        known = found
    return known


def _with_readers(
    out: dict[str, LeftOut], rules: list[Rule], trees: Mapping[str, tuple[Rule, Expr]]
) -> dict[str, LeftOut]:
    """And all that read a recording rule, or watch an alert, that is left out."""
    while True:
        gone = [rule for rule in rules if rule.where in out]
        missing = {rule.name for rule in gone if not rule.is_alert}
        # An alert of several severities is there as long as one of them is.
        alerts = {rule.name for rule in gone if rule.is_alert} - {
            rule.name for rule in rules if rule.is_alert and rule.where not in out
        }
        readers: dict[str, LeftOut] = {}
        for where, (rule, tree) in trees.items():
            if where not in out and (lost := (metrics(tree) & missing) | (watched_alerts(tree) & alerts)):
                readers[where] = LeftOut(rule.name, where, f"reads {min(lost)}, which is left out")
        if not readers:
            return {rule.where: out[rule.where] for rule in rules if rule.where in out}
        out = out | readers


def scale(document: RuleDocument, out: Mapping[str, LeftOut], to: Durations) -> RuleDocument:
    """A document in drill time, without the rules that are left out and the groups that have none any more."""
    groups = []
    for group in document.groups:
        rules = [_scaled(rule, to) for rule in _of_group(document.source, group) if rule.where not in out]
        if rules:
            scaled = _scale_keys(group, _GROUP_DURATIONS, f"{document.source}: {group['name']}", to)
            groups.append(scaled | _labelled(group) | {"rules": rules})
    return RuleDocument(document.source, groups)


def _scaled(rule: Rule, to: Durations) -> dict[str, Any]:
    expression = scale_expression(str(rule.body["expr"]), to, f"{rule.where}: expr")
    return _scale_keys(rule.body, _RULE_DURATIONS, rule.where, to) | _labelled(rule.body) | {"expr": expression}


def _labelled(body: Mapping[str, Any]) -> dict[str, Any]:
    """Labels and annotations as the text that Prometheus takes them for."""
    return {key: _texts(body[key]) for key in ("labels", "annotations") if body.get(key)}


def _scale_keys(tree: dict[str, Any], kinds: Mapping[str, Kind], where: str, to: Durations) -> dict[str, Any]:
    scaled = {key: to.scale(str(tree[key]), kind, f"{where}: {key}") for key, kind in kinds.items() if tree.get(key)}
    return tree | scaled


def _is_texts(labels: Any) -> bool:
    return labels is None or (
        isinstance(labels, dict) and all(value is None or isinstance(value, str) for value in labels.values())
    )


def _texts(labels: Any) -> dict[str, str]:
    return {str(name): "" if value is None else str(value) for name, value in (labels or {}).items()}
