"""Alertmanager's file in drill time: durations scaled, every receiver pointed at one pager."""

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from compose.pace.timing import DrillTimeError, Durations, Kind, parse

# Alertmanager's defaults, written out: one that is left unsaid would stay at production length.
_DEFAULTS = {"group_wait": "30s", "group_interval": "5m", "repeat_interval": "4h"}
_MATCHER = re.compile(r"\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*(?:\"((?:\\.|[^\"\\])*)\"|([^,}\"]*))\s*(?:,|$)")


@dataclass(frozen=True, slots=True)
class RouteTiming:
    """Where one alert's notifications go, and what they wait for."""

    receiver: str
    group_by: tuple[str, ...]
    group_wait_production: timedelta
    group_wait_drill: timedelta
    group_interval_production: timedelta
    group_interval_drill: timedelta
    repeat_interval_production: timedelta
    repeat_interval_drill: timedelta


def scale_routing(
    document: Mapping[str, Any], pager_url: str, durations: Durations, where: str, ways: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """A copy in drill time whose receivers post to `<pager_url>/receivers/<receiver>`.

    A receiver named in `ways` has the address there in place of `pager_url`.
    Raises DrillTimeError for a receiver that would reach people outside the drill.
    """
    drill: dict[str, Any] = copy.deepcopy(dict(document))
    drill["route"] = _DEFAULTS | drill["route"]
    for path, route in _routes(drill["route"], "route"):
        for key in [key for key in _DEFAULTS if key in route]:
            route[key] = durations.scale(str(route[key]), Kind.ROUTING, f"{where}: {path}.{key}")
    settings = drill.get("global") or {}
    if "resolve_timeout" in settings:
        key = "resolve_timeout"
        settings[key] = durations.scale(str(settings[key]), Kind.ROUTING, f"{where}: global.{key}")
    for receiver in drill.get("receivers", []):
        name = receiver["name"]
        base = (ways or {}).get(name, pager_url)
        _redirect(receiver, f"{base.rstrip('/')}/receivers/{name}", where)
    return drill


def _routes(route: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, route
    for number, child in enumerate(route.get("routes") or []):
        yield from _routes(child, f"{path}.routes[{number}]")


def _redirect(receiver: dict[str, Any], url: str, where: str) -> None:
    others = receiver.keys() - {"name", "webhook_configs"}
    if others or any("url" not in webhook for webhook in receiver.get("webhook_configs", [])):
        kinds = ", ".join(sorted(others)) or "a webhook without url"
        raise DrillTimeError(f"{where}: receivers: {receiver['name']}: {kinds}: a drill can only redirect webhooks")
    for webhook in receiver.get("webhook_configs", []):
        webhook["url"] = url


def receiver_urls(document: Mapping[str, Any]) -> dict[str, str]:
    """Receiver → the URL it posts to; receivers that post nowhere are not in it."""
    posting = [receiver for receiver in document.get("receivers", []) if receiver.get("webhook_configs")]
    return {receiver["name"]: receiver["webhook_configs"][0]["url"] for receiver in posting}


def routes_of(labels: Mapping[str, str], production: Mapping[str, Any], drill: Mapping[str, Any]) -> list[RouteTiming]:
    """The routes an alert with these labels takes; a label it does not have yet counts as empty."""
    pairs = zip(_taken(_DEFAULTS | production["route"], labels), _taken(drill["route"], labels), strict=True)
    return [_timing(before, after) for before, after in pairs]


def _taken(route: dict[str, Any], labels: Mapping[str, str]) -> list[dict[str, Any]]:
    inherited = {key: value for key, value in route.items() if key not in {"routes", "matchers", "continue"}}
    taken: list[dict[str, Any]] = []
    for child in route.get("routes") or []:
        if _matches(child, labels):
            taken += _taken(inherited | child, labels)
            if not child.get("continue"):
                break
    return taken or [inherited]


def _matches(route: dict[str, Any], labels: Mapping[str, str]) -> bool:
    if route.keys() & {"match", "match_re"}:
        raise DrillTimeError("route: match and match_re are deprecated: write matchers")
    return all(_holds(text, labels) for text in route.get("matchers") or [])


def _holds(text: str, labels: Mapping[str, str]) -> bool:
    inner = text.strip().removeprefix("{").removesuffix("}")
    found = list(_MATCHER.finditer(inner))
    if "".join(match[0] for match in found) != inner:
        raise DrillTimeError(f"route: matchers: {text!r}: not understood")
    return all(_one_holds(match, labels) for match in found)


def _one_holds(match: re.Match[str], labels: Mapping[str, str]) -> bool:
    name, operator, quoted, bare = match.groups()
    wanted = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare.strip()
    actual = labels.get(name, "")
    same = re.fullmatch(wanted, actual) is not None if "~" in operator else wanted == actual
    return same != operator.startswith("!")


def _timing(before: dict[str, Any], after: dict[str, Any]) -> RouteTiming:
    def length(route: dict[str, Any], key: str) -> timedelta:
        return parse(str(route[key]), f"route.{key}")

    return RouteTiming(
        receiver=before["receiver"],
        group_by=tuple(before.get("group_by") or ()),
        group_wait_production=length(before, "group_wait"),
        group_wait_drill=length(after, "group_wait"),
        group_interval_production=length(before, "group_interval"),
        group_interval_drill=length(after, "group_interval"),
        repeat_interval_production=length(before, "repeat_interval"),
        repeat_interval_drill=length(after, "repeat_interval"),
    )
