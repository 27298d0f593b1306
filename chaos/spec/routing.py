"""Alertmanager's routing tree: which receivers an alert is routed to.

As Alertmanager does it: depth first; a node's routes are tried in order until one matches that does not `continue`, and
a node none of whose routes matches is itself the way. Regular expressions match whole values; a label that is missing
has the empty value. Source: https://prometheus.io/docs/alerting/latest/configuration/
"""

import functools
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from promql_parser import parse_duration

from chaos.spec.values import NOTHING

_MATCHER = re.compile(
    r"""\s*("(?:[^"\\]|\\.)*"|[^\s{}!=~,"'`\\]+)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|[^",]*?)\s*(?:,\s*|$)""", re.DOTALL
)
_CLASS = re.compile(r"\[:(\^?\w+):\]")
"""Such as the inner part of `[[:digit:]]`, which Python would take for a set of letters."""
_CLASSES = {
    "alpha": "a-zA-Z", "digit": "0-9", "alnum": "0-9a-zA-Z", "lower": "a-z", "upper": "A-Z", "word": "0-9A-Za-z_",
    "xdigit": "0-9a-fA-F", "space": r"\t\n\v\f\r ", "blank": r"\t ",
}  # fmt: skip
_ESCAPED = re.compile(r'\\(["\\n])')
"""A backslash before anything else stands for itself, as in `"api\\.v1"`."""

_INHERITED = ("group_by", "group_wait", "group_interval", "repeat_interval")
_SILENT_BY_DEFAULT = frozenset({"email_configs", "rocketchat_configs", "slack_configs", "wechat_configs"})
"""Whose `send_resolved` is false where nothing is said (Alertmanager's documentation of each)."""
_OWN = ("mute_time_intervals", "active_time_intervals")
_DEFAULTS = {"group_by": [], "group_wait": "30s", "group_interval": "5m", "repeat_interval": "4h"}


@dataclass(frozen=True, slots=True)
class Way:
    """One way that an alert takes."""

    receiver: str
    group_wait_seconds: float
    group_interval_seconds: float
    repeat_interval_seconds: float


@dataclass(frozen=True, slots=True)
class Routing:
    """One configuration."""

    tree: Mapping[str, Any]
    inhibitions: tuple[Mapping[str, Any], ...]
    silent_on_resolution: frozenset[str]
    """Receivers none of whose ways tells that an alert is resolved."""
    empty: frozenset[str] = frozenset()
    """Receivers that have nothing behind them: what is routed there nobody is told."""
    resolving: frozenset[tuple[str, str]] = frozenset()
    """Each receiver with the kind of each of its ways that does, such as `slack`."""

    def receivers(self, name: str, labels: Mapping[str, str]) -> list[str]:
        """Who is told of an alert, each once, in the order of the routes."""
        ways = _walk(self.tree, {**labels, "alertname": name}, _DEFAULTS)
        return list(dict.fromkeys(str(way["receiver"]) for way in ways))

    def ways(self, name: str, labels: Mapping[str, str]) -> list[Way]:
        """The ways an alert takes, in the order of the routes."""
        taken = _walk(self.tree, {**labels, "alertname": name}, _DEFAULTS)
        return [Way(str(one["receiver"]), *(_seconds(str(one[key])) for key in _INHERITED[1:])) for one in taken]

    def possible(self, name: str, labels: Mapping[str, str]) -> tuple[list[Mapping[str, Any]], bool]:
        """The settings of every way that an alert may take which has these labels and perhaps others, and whether those
        others decide."""
        ways, open_ = _possible(self.tree, {**labels, "alertname": name}, _DEFAULTS)
        return ways, open_

    def may_inhibit(self, name: str, labels: Mapping[str, str]) -> list[str]:
        """What may inhibit such an alert: the labels of its source, in words."""
        met = {**labels, "alertname": name}
        rules = [one for one in self.inhibitions if accepts(_asked(one, "target"), met) is not False]
        return [" ".join("".join(part) for part in _asked(one, "source")) or "anything" for one in rules]

    def digest(self, name: str, labels: Mapping[str, str]) -> str:
        """Of the ways an alert takes and of what inhibits it: the same as long as they mean the same."""
        met = {**labels, "alertname": name}
        ways = [_meant(way) for way in _walk(self.tree, met, _DEFAULTS)]
        kept = [_inhibition(one) for one in self.inhibitions if _accepted(_asked(one, "target"), met)]
        written = json.dumps([ways, sorted(kept, key=str)], sort_keys=True)
        return hashlib.sha256(written.encode()).hexdigest()[:16]


def read(text: str) -> Routing:
    """The routing of a configuration in YAML. ValueError when it is none."""
    try:
        config = yaml.safe_load(text)
        tree, receivers = config["route"], config.get("receivers") or []
        silent = frozenset(one["name"] for one in receivers if _says_nothing_of_resolutions(one))
        resolving = frozenset((str(one["name"]), kind) for one in receivers for kind, told in _ways(one) if told)
        empty = frozenset(str(one["name"]) for one in receivers if not _ways(one))
        routing = Routing(tree, tuple(config.get("inhibit_rules") or ()), silent, resolving=resolving, empty=empty)
        routing.digest("", {})
        _compile(tree, *(config.get("inhibit_rules") or ()))
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, re.error) as error:
        raise ValueError(f"no configuration of Alertmanager: {type(error).__name__}: {error}") from error
    return routing


def _compile(*nodes: Mapping[str, Any]) -> None:
    """Raises re.error for a pattern that is none here: an alert would find out too late."""
    for node in nodes:
        for of in ("", "source", "target"):
            for _, operator, value in _asked(node, of):
                if operator in ("=~", "!~"):
                    _pattern(value)
        _compile(*(node.get("routes") or ()))


def _says_nothing_of_resolutions(receiver: Mapping[str, Any]) -> bool:
    ways = _ways(receiver)
    return bool(ways) and not any(told for _, told in ways)


def _ways(receiver: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """The kind of each way, and whether it tells that an alert is resolved."""
    ways = [(kind, way) for kind, ways in receiver.items() if kind.endswith("_configs") for way in ways or []]
    return [
        (kind.removesuffix("_configs"), bool(way.get("send_resolved", kind not in _SILENT_BY_DEFAULT)))
        for kind, way in ways
    ]


def _walk(
    node: Mapping[str, Any], labels: Mapping[str, str], inherited: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    """The settings of each way that an alert takes; a node that says nothing of one has that of the node above."""
    here = dict(inherited) | {name: node[name] for name in ("receiver", *_INHERITED) if node.get(name) is not None}
    found = False
    for child in node.get("routes") or []:
        if _accepted(_asked(child), labels):
            found = True
            yield from _walk(child, labels, here)
            if not child.get("continue", False):
                return
    if not found:
        yield here | {name: node[name] for name in _OWN if node.get(name)}


def _possible(
    node: Mapping[str, Any], labels: Mapping[str, str], inherited: Mapping[str, Any]
) -> tuple[list[Mapping[str, Any]], bool]:
    here = dict(inherited) | {name: node[name] for name in ("receiver", *_INHERITED) if node.get(name) is not None}
    found: list[Mapping[str, Any]] = []
    sure, open_ = False, False
    for child in node.get("routes") or []:
        accepted = accepts(_asked(child), labels)
        if accepted is False:
            continue
        ways, below = _possible(child, labels, here)
        found, open_ = [*found, *ways], open_ or below or accepted is None
        sure = sure or accepted is True
        if accepted and not child.get("continue", False):
            return found, open_
    return (found if sure else [*found, here | {name: node[name] for name in _OWN if node.get(name)}]), open_


def accepts(wanted: Iterable[tuple[str, str, str]], labels: Mapping[str, str]) -> bool | None:
    """Whether all of these matchers accept an alert with these labels; None where others that it may have decide."""
    said = [_accepts(operator, value, labels[name]) if name in labels else None for name, operator, value in wanted]
    return False if False in said else None if None in said else True


def _asked(node: Mapping[str, Any], of: str = "") -> list[tuple[str, str, str]]:
    """What a node asks of labels; `of` is `source` or `target` where it is a rule of inhibition."""
    prefix = f"{of}_" if of else ""
    wanted = [(name, "=", str(value)) for name, value in (node.get(f"{prefix}match") or {}).items()]
    wanted += [(name, "=~", str(value)) for name, value in (node.get(f"{prefix}match_re") or {}).items()]
    return wanted + [one for text in node.get(f"{prefix}matchers") or [] for one in _parsed(text)]


def _accepted(wanted: Iterable[tuple[str, str, str]], labels: Mapping[str, str]) -> bool:
    return all(_accepts(operator, value, labels.get(name, "")) for name, operator, value in wanted)


def _meant(way: Mapping[str, Any]) -> dict[str, Any]:
    lengths = {name: _seconds(str(way[name])) for name in _INHERITED[1:]}
    return dict(way) | lengths | {"group_by": sorted(way["group_by"] or [])}


def _seconds(text: str) -> float:
    # The parser knows no length of nothing.
    return 0.0 if NOTHING.fullmatch(text) else float(parse_duration(text).total_seconds())


def _inhibition(rule: Mapping[str, Any]) -> list[Any]:
    return [sorted(_asked(rule, "source")), sorted(rule.get("equal") or [])]


def _parsed(text: str) -> Iterator[tuple[str, str, str]]:
    inner = text.strip().removeprefix("{").removesuffix("}").strip()
    place = 0
    while place < len(inner):
        found = _MATCHER.match(inner, place)
        if found is None:
            raise TypeError(f"{text!r} is no matcher")
        yield _plain(found[1]), found[2], _plain(found[3])
        place = found.end()


def _plain(text: str) -> str:
    inner = text[1:-1] if len(text) > 1 and text.startswith('"') else text
    return _ESCAPED.sub(lambda match: "\n" if match[1] == "n" else match[1], inner)


def _accepts(operator: str, wanted: str, value: str) -> bool:
    if operator in ("=", "!="):
        return (value == wanted) is (operator == "=")
    return (_pattern(wanted).fullmatch(value) is not None) is (operator == "=~")


@functools.cache
def _pattern(written: str) -> "re.Pattern[str]":
    """As Go reads it, as far as Python can: what it reads otherwise is no pattern here, and no other one."""
    plain = _CLASS.sub(lambda match: _CLASSES.get(match[1], match[0]), written)
    if _CLASS.search(plain):
        raise re.error(f"{written!r} has a class that is unknown here")
    return re.compile(plain)
