"""Alertmanager's routing tree: which receivers an alert is routed to.

As Alertmanager does it: depth first; a node's routes are tried in order until one matches that does not `continue`, and
a node none of whose routes matches is itself the way. Regular expressions match whole values; a label that is missing
has the empty value. Source: https://prometheus.io/docs/alerting/latest/configuration/
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

_MATCHER = re.compile(r"""\s*"?([A-Za-z_][\w]*)"?\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|[^,}]*)\s*(?:,|$)""")


@dataclass(frozen=True, slots=True)
class Routing:
    """One configuration."""

    tree: Mapping[str, Any]
    silent_on_resolution: frozenset[str]
    """Receivers none of whose ways tells that an alert is resolved."""

    def receivers(self, name: str, labels: Mapping[str, str]) -> list[str]:
        """Who is told of an alert, each once, in the order of the routes."""
        return list(dict.fromkeys(_walk(self.tree, {**labels, "alertname": name}, "")))


def read(text: str) -> Routing:
    """The routing of a configuration in YAML. ValueError when it is none."""
    try:
        config = yaml.safe_load(text)
        tree, receivers = config["route"], config.get("receivers") or []
        silent = frozenset(one["name"] for one in receivers if _says_nothing_of_resolutions(one))
        routing = Routing(tree, silent)
        routing.receivers("", {})
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, re.error) as error:
        raise ValueError(f"no configuration of Alertmanager: {type(error).__name__}: {error}") from error
    return routing


def _says_nothing_of_resolutions(receiver: Mapping[str, Any]) -> bool:
    ways = [way for name, ways in receiver.items() if name.endswith("_configs") for way in ways or []]
    return bool(ways) and not any(way.get("send_resolved", True) for way in ways)


def _walk(node: Mapping[str, Any], labels: Mapping[str, str], inherited: str) -> Iterator[str]:
    receiver = node.get("receiver") or inherited
    found = False
    for child in node.get("routes") or []:
        if _matches(child, labels):
            found = True
            yield from _walk(child, labels, receiver)
            if not child.get("continue", False):
                return
    if not found:
        yield receiver


def _matches(node: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    wanted = [(name, "=", str(value)) for name, value in (node.get("match") or {}).items()]
    wanted += [(name, "=~", str(value)) for name, value in (node.get("match_re") or {}).items()]
    wanted += [one for text in node.get("matchers") or [] for one in _parsed(text)]
    return all(_accepts(operator, value, labels.get(name, "")) for name, operator, value in wanted)


def _parsed(text: str) -> Iterator[tuple[str, str, str]]:
    inner = text.strip().removeprefix("{").removesuffix("}")
    for name, operator, value in _MATCHER.findall(inner):
        plain = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value.strip()
        yield name, operator, plain


def _accepts(operator: str, wanted: str, value: str) -> bool:
    if operator in ("=", "!="):
        return (value == wanted) is (operator == "=")
    return (re.fullmatch(wanted, value) is not None) is (operator == "=~")
