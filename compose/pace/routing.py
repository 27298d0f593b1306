"""Alertmanager's file in drill time: durations scaled, every receiver pointed at one pager."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from compose.pace import matchers
from compose.pace.receivers import Pager, is_true, redirect
from compose.pace.timing import DrillTimeError, Durations, Kind, parse

# Alertmanager's defaults, written out: one that is left unsaid would stay at production length.
_DEFAULTS = {"group_wait": "30s", "group_interval": "5m", "repeat_interval": "4h"}
# Everything else there is an address, a key or a proxy of production's.
_KEPT_OF_GLOBAL = frozenset({"resolve_timeout"})


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


@dataclass(frozen=True, slots=True)
class DrillRouting:
    """Alertmanager's file of a drill, and what it is not any more."""

    document: dict[str, Any]
    messages: dict[str, tuple[str, ...]]
    """Receiver → the kinds of messages that it sends beside the webhook that tells of instances."""
    replaced: tuple[str, ...]


def scale_routing(
    document: Mapping[str, Any], pager: Pager, durations: Durations, where: str, folder: Path | None = None
) -> DrillRouting:
    """A copy in drill time whose receivers send to the pager and to nobody else.

    `folder`: from where the file's paths of templates count; None leaves them as they are.
    Raises DrillTimeError for what is no configuration of Alertmanager.
    """
    drill: dict[str, Any] = copy.deepcopy(dict(document))
    if not isinstance(drill.get("route"), dict):
        raise DrillTimeError(f"{where}: route: there is none")
    drill["route"] = _DEFAULTS | drill["route"]
    for path, route in _routes(drill["route"], "route"):
        for key in [key for key in _DEFAULTS if route.get(key)]:
            route[key] = durations.scale(str(route[key]), Kind.ROUTING, f"{where}: {path}.{key}")
    defaults = drill.pop("global", None) or {}
    kept = {key: value for key, value in defaults.items() if key in _KEPT_OF_GLOBAL}
    if "resolve_timeout" in kept:
        kept["resolve_timeout"] = durations.scale(
            str(kept["resolve_timeout"]), Kind.ROUTING, f"{where}: global.resolve_timeout"
        )
    drill |= {"global": kept} if kept else {}
    replaced = [f"global: without {', '.join(lost)}"] if (lost := sorted(defaults.keys() - kept.keys())) else []
    if drill.pop("tracing", None):
        replaced.append("tracing: left out")
    if folder is not None and drill.get("templates"):
        drill["templates"] = [str(folder.resolve() / str(place)) for place in drill["templates"]]
    try:
        copies = {str(one["name"]): redirect(one, pager, defaults) for one in drill.get("receivers") or []}
    except (KeyError, TypeError, AttributeError) as error:
        raise DrillTimeError(f"{where}: receivers: not understood: {type(error).__name__}: {error}") from error
    drill["receivers"] = [copied.body for copied in copies.values()]
    replaced += [note for copied in copies.values() for note in copied.replaced]
    return DrillRouting(drill, {name: one.kinds for name, one in copies.items() if one.kinds}, tuple(replaced))


def _routes(route: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, route
    for number, child in enumerate(route.get("routes") or []):
        yield from _routes(child, f"{path}.routes[{number}]")


def receiver_urls(document: Mapping[str, Any]) -> dict[str, str]:
    """Receiver → the URL at which it tells of instances; receivers that send nothing are not in it."""
    posting = [receiver for receiver in document.get("receivers", []) if receiver.get("webhook_configs")]
    return {str(receiver["name"]): str(receiver["webhook_configs"][0]["url"]) for receiver in posting}


def routes_of(labels: Mapping[str, str], production: Mapping[str, Any], drill: Mapping[str, Any]) -> list[RouteTiming]:
    """The routes an alert with these labels takes; a label it does not have yet counts as empty.

    Where a label is a template, which only firing fills, they are all that it may take.
    """
    pairs = zip(_taken(_DEFAULTS | production["route"], labels), _taken(drill["route"], labels), strict=True)
    return [_timing(before, after) for before, after in pairs]


def _taken(route: dict[str, Any], labels: Mapping[str, str]) -> list[dict[str, Any]]:
    own = {"routes", "matchers", "match", "match_re", "continue"}
    inherited = {key: value for key, value in route.items() if key not in own and value is not None}
    taken: list[dict[str, Any]] = []
    surely = False
    for child in route.get("routes") or []:
        held = matchers.hold(matchers.of_node(child), labels)
        if held is False:
            continue
        taken += _taken(inherited | {key: value for key, value in child.items() if value is not None}, labels)
        surely = surely or held is True
        if held and not is_true(child.get("continue")):
            break
    return taken if surely else [*taken, inherited]


def _timing(before: dict[str, Any], after: dict[str, Any]) -> RouteTiming:
    def length(route: dict[str, Any], key: str) -> timedelta:
        return parse(str(route[key]), f"route.{key}")

    return RouteTiming(
        receiver=str(before["receiver"]),
        group_by=tuple(str(label) for label in before.get("group_by") or ()),
        group_wait_production=length(before, "group_wait"),
        group_wait_drill=length(after, "group_wait"),
        group_interval_production=length(before, "group_interval"),
        group_interval_drill=length(after, "group_interval"),
        repeat_interval_production=length(before, "repeat_interval"),
        repeat_interval_drill=length(after, "repeat_interval"),
    )
