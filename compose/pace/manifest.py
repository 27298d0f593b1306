"""What a drill changed and what the configuration alone says about each alert's timing; the judge reads it as JSON."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import timedelta
from typing import Any

from compose.pace.promql import durations, metrics, read
from compose.pace.routing import RouteTiming, routes_of
from compose.pace.rule_files import PassedOver
from compose.pace.rules import LeftOut, Rule
from compose.pace.timing import Change, Intervals, Kind, parse


@dataclass(frozen=True, slots=True)
class AlertTiming:
    """What the configuration alone says about one alert's timing."""

    name: str
    file: str
    group: str
    labels: dict[str, str]
    """The rule's own labels and its group's; those of the expression come on top when it fires."""
    severity: str
    for_production: timedelta
    for_drill: timedelta
    keep_firing_for_production: timedelta
    keep_firing_for_drill: timedelta
    expr_production: str
    expr_drill: str
    ranges_production: tuple[timedelta, ...]
    """Windows it looks at, shortest first, those of the recording rules it reads included."""
    ranges_drill: tuple[timedelta, ...]
    records: dict[str, str]
    """Recording rules it reads, directly or not → their group; one in another group costs an evaluation."""
    routes: tuple[RouteTiming, ...]
    """The ways it may take: of a label that is a template all that some value of it takes."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the drill changed and what follows from it; as JSON, timedeltas are named `<name>_seconds`."""

    scale: int
    production: Intervals
    drill: Intervals
    alerts: dict[str, AlertTiming]
    """By name; those of one name by name and labels (`DiskFull{severity="critical"}`), if need be with their place."""
    receivers: dict[str, str]
    """Receiver → the URL at which it tells which instances fire, in the drill."""
    messages: dict[str, tuple[str, ...]]
    """Receiver → the kinds of messages that it sends to the pager beside."""
    replaced: tuple[str, ...]
    """What became something else in the copy of the routing, or is not in it: one sentence each."""
    left_out: tuple[LeftOut, ...]
    passed_over: tuple[PassedOver, ...]
    """Files and documents without rules."""
    durations: tuple[Change, ...]
    clamped: tuple[Change, ...]
    """Those of `durations` that a floor kept from being scaled in full."""

    def json(self) -> str:
        """The manifest as the file the judge reads."""
        return json.dumps(_as_json(self), indent=2) + "\n"


def alert_timings(
    production: list[Rule], drill: list[Rule], routing: Mapping[str, Any], drill_routing: Mapping[str, Any]
) -> dict[str, AlertTiming]:
    """Each alert's timing in production and drill; both lists hold the same rules in the same order."""
    before, after = _Records(production), _Records(drill)
    pairs = [(rule, scaled) for rule, scaled in zip(production, drill, strict=True) if rule.is_alert]
    return {
        key: AlertTiming(
            name=rule.name,
            file=rule.file,
            group=str(rule.group["name"]),
            labels=rule.labels,
            severity=rule.labels.get("severity", ""),
            for_production=_length(rule, "for"),
            for_drill=_length(scaled, "for"),
            keep_firing_for_production=_length(rule, "keep_firing_for"),
            keep_firing_for_drill=_length(scaled, "keep_firing_for"),
            expr_production=rule.expression,
            expr_drill=scaled.expression,
            ranges_production=before.ranges(rule),
            ranges_drill=after.ranges(scaled),
            records=after.read_by(scaled),
            routes=tuple(routes_of({"alertname": rule.name} | rule.labels, routing, drill_routing)),
        )
        for key, (rule, scaled) in zip(_keys([rule for rule, _ in pairs]), pairs, strict=True)
    }


def _keys(alerts: list[Rule]) -> list[str]:
    """What each is called: its name, with its labels and then its place where others are called so too."""
    names = Counter(rule.name for rule in alerts)
    labelled = [rule.name if names[rule.name] == 1 else f"{rule.name}{{{_written(rule.labels)}}}" for rule in alerts]
    again = Counter(labelled)
    return [key if again[key] == 1 else f"{key} at {rule.where}" for key, rule in zip(labelled, alerts, strict=True)]


def _written(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in sorted(labels.items()))


def _length(rule: Rule, key: str) -> timedelta:
    return parse(str(rule.body.get(key) or "0s"), f"{rule.where}: {key}")


class _Records:
    """The recording rules among some rules, to see through them to the windows behind an alert."""

    def __init__(self, rules: list[Rule]) -> None:
        self._by_name: dict[str, list[Rule]] = {}
        for rule in rules:
            if not rule.is_alert:
                self._by_name.setdefault(rule.name, []).append(rule)

    def read_by(self, rule: Rule) -> dict[str, str]:
        return {record.name: str(record.group["name"]) for record in self._behind(rule, frozenset())}

    def ranges(self, rule: Rule) -> tuple[timedelta, ...]:
        trees = [read(each.expression, each.where) for each in [rule, *self._behind(rule, frozenset())]]
        return tuple(sorted({length for tree in trees for kind, length in durations(tree) if kind is Kind.RANGE}))

    def _behind(self, rule: Rule, seen: frozenset[str]) -> Iterator[Rule]:
        for name in sorted(metrics(read(rule.expression, rule.where)) & self._by_name.keys() - seen):
            for record in self._by_name[name]:
                yield record
                yield from self._behind(record, seen | {name})


def _as_json(value: object) -> Any:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, dict):
        return {key: _as_json(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_as_json(item) for item in value]
    if not is_dataclass(value):
        return value
    # The unit stands in the type here and must stand in the name there.
    units = {field.name: "_seconds" if "timedelta" in str(field.type) else "" for field in fields(value)}
    return {name + unit: _as_json(getattr(value, name)) for name, unit in units.items()}
