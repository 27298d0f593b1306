"""What a drill changed and what the configuration alone says about each alert's timing; the judge reads it as JSON."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import timedelta
from typing import Any

from compose.pace.promql import durations, metrics, read
from compose.pace.routing import RouteTiming, routes_of
from compose.pace.timing import Change, DrillTimeError, Intervals, Kind, parse


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a file, as parsed YAML."""

    where: str
    """File, group and place in the group, for messages."""
    group: str
    body: dict[str, Any]

    @property
    def name(self) -> str:
        """The alert's or the recorded series' name."""
        return str(self.body.get("alert") or self.body["record"])

    @property
    def expression(self) -> str:
        """Its PromQL, without the line ends YAML adds."""
        return str(self.body["expr"]).strip()


@dataclass(frozen=True, slots=True)
class AlertTiming:
    """What the configuration alone says about one alert's timing."""

    file: str
    group: str
    labels: dict[str, str]
    """The rule's own labels; those of the expression come on top when it fires."""
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


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A rule that is not part of the drill."""

    name: str
    where: str
    reason: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the drill changed and what follows from it; as JSON, timedeltas are named `<name>_seconds`."""

    scale: int
    production: Intervals
    drill: Intervals
    alerts: dict[str, AlertTiming]
    receivers: dict[str, str]
    """Receiver → the URL it posts to in the drill."""
    left_out: tuple[LeftOut, ...]
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
    alerts: dict[str, AlertTiming] = {}
    for rule, scaled in zip(production, drill, strict=True):
        if "alert" not in rule.body:
            continue
        if rule.name in alerts:
            raise DrillTimeError(f"{rule.where}: the alert is defined twice; a drill could not tell them apart")
        labels = rule.body.get("labels") or {}
        alerts[rule.name] = AlertTiming(
            file=rule.where.partition(":")[0],
            group=rule.group,
            labels=labels,
            severity=labels.get("severity", ""),
            for_production=_length(rule, "for"),
            for_drill=_length(scaled, "for"),
            keep_firing_for_production=_length(rule, "keep_firing_for"),
            keep_firing_for_drill=_length(scaled, "keep_firing_for"),
            expr_production=rule.expression,
            expr_drill=scaled.expression,
            ranges_production=before.ranges(rule),
            ranges_drill=after.ranges(scaled),
            records=after.read_by(scaled),
            routes=tuple(routes_of({"alertname": rule.name} | labels, routing, drill_routing)),
        )
    return alerts


def _length(rule: Rule, key: str) -> timedelta:
    return parse(str(rule.body.get(key, "0s")), f"{rule.where}: {key}")


class _Records:
    """The recording rules among some rules, to see through them to the windows behind an alert."""

    def __init__(self, rules: list[Rule]) -> None:
        self._by_name: dict[str, list[Rule]] = {}
        for rule in rules:
            if "record" in rule.body:
                self._by_name.setdefault(rule.name, []).append(rule)

    def read_by(self, rule: Rule) -> dict[str, str]:
        return {record.name: record.group for record in self._behind(rule, frozenset())}

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
