"""What configuration alone says of each alert's timing, by the rules, scrapes and routes that are loaded."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from chaos.facts.alerts import RuleLoaded, RuleSeen, Timing
from chaos.spec import promql
from chaos.spec.routing import Routing, Way


def rules_loaded(
    rules: Iterable[RuleSeen],
    scrapes: Mapping[str, float],
    routing: Routing,
    receivers: Collection[str],
    manifest: Path | None,
) -> list[RuleLoaded]:
    """One fact for each alerting rule that Prometheus runs; of several with one name, the slowest.

    `scrapes`: each job's interval in seconds. Of several ways that an alert takes, the slowest to one of these
    `receivers` counts. `manifest`: where the production durations are of rules that were scaled.
    """
    known = tuple(rules)
    recorded: dict[str, list[RuleSeen]] = {}
    for rule in known:
        if rule.records:
            recorded.setdefault(rule.name, []).append(rule)
    before: dict[str, Any] = msgspec.json.decode(manifest.read_bytes()) if manifest else {"alerts": {}}
    found: dict[str, RuleLoaded] = {}
    for rule in known:
        if not rule.records:
            way = _way(routing.ways(rule.name, rule.labels), receivers)
            timing = Timing(
                scrape_seconds=_scrape_seconds(rule, recorded, scrapes),
                evaluation_seconds=rule.interval_seconds,
                window_seconds=min(_ranges(rule, recorded), default=0.0),
                for_seconds=rule.for_seconds,
                group_wait_seconds=way.group_wait_seconds,
                group_interval_seconds=way.group_interval_seconds,
                keep_firing_for_seconds=rule.keep_firing_for_seconds,
            )
            written = _written(before["alerts"], rule)
            production = _production(before, written) if written else None
            one = RuleLoaded(0.0, rule.name, way.receiver, timing, production)
            other = found.get(rule.name)
            found[rule.name] = one if other is None or _slowness(one) > _slowness(other) else other
    return list(found.values())


def _way(ways: list[Way], receivers: Collection[str]) -> Way:
    seen = [way for way in ways if way.receiver in receivers] or ways
    # The first of those that are as slow: there its page counts.
    return max(seen, key=lambda way: way.group_wait_seconds + way.group_interval_seconds)


def _slowness(rule: RuleLoaded) -> float:
    return rule.timing.for_seconds + rule.timing.window_seconds + rule.timing.scrape_seconds


def scaled_alerts(manifest: Path) -> frozenset[str]:
    """The alerts of a stack of ours, as its drill-time manifest has them. Raises OSError, msgspec.DecodeError."""
    before: dict[str, Any] = msgspec.json.decode(manifest.read_bytes())
    return frozenset(one.get("name", key) for key, one in before["alerts"].items())


def _scrape_seconds(rule: RuleSeen, recorded: Mapping[str, list[RuleSeen]], scrapes: Mapping[str, float]) -> float:
    """Of the slowest of those that it reads; of all where it names no job that there is, or cannot be read."""
    try:
        jobs = frozenset().union(*(promql.jobs(one.query, scrapes) for one in _behind(rule, recorded)))
    except ValueError:
        jobs = frozenset()
    return max((scrapes[job] for job in jobs or scrapes), default=rule.interval_seconds)


def _ranges(rule: RuleSeen, recorded: Mapping[str, list[RuleSeen]]) -> list[float]:
    try:
        return [seconds for one in _behind(rule, recorded) for seconds in promql.ranges(one.query)]
    except ValueError:
        return []


def _behind(
    rule: RuleSeen, recorded: Mapping[str, list[RuleSeen]], seen: frozenset[str] = frozenset()
) -> Iterator[RuleSeen]:
    """The rule and every one that records what it reads."""
    yield rule
    for name in dict.fromkeys(promql.name_of(selector) for selector in promql.selectors(rule.query)):
        for one in recorded.get(name, ()) if name not in seen else ():
            yield from _behind(one, recorded, seen | {name})


def _written(alerts: Mapping[str, dict[str, Any]], rule: RuleSeen) -> dict[str, Any] | None:
    """What the manifest says of a rule: of several with one name the one with its labels, and then its expression."""
    # A manifest of an earlier release has one alert a name, and no `name` beside.
    named = [one for key, one in alerts.items() if one.get("name", key) == rule.name]
    labelled = [one for one in named if one.get("labels") == rule.labels]
    known = {" ".join(str(one["expr_drill"]).split()): one for one in labelled}
    return known.get(" ".join(rule.query.split())) or next(iter(labelled or named), None)


def _production(known: dict[str, Any], rule: dict[str, Any]) -> Timing:
    route = rule["routes"][0] if rule["routes"] else {}
    return Timing(
        scrape_seconds=known["production"]["scrape_interval_seconds"],
        evaluation_seconds=known["production"]["evaluation_interval_seconds"],
        window_seconds=min(rule["ranges_production_seconds"], default=0.0),
        for_seconds=rule["for_production_seconds"],
        group_wait_seconds=route.get("group_wait_production_seconds", 0.0),
        group_interval_seconds=route.get("group_interval_production_seconds", 0.0),
        keep_firing_for_seconds=rule["keep_firing_for_production_seconds"],
    )
