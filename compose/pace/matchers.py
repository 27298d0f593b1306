"""Alertmanager's matchers, read as Alertmanager reads them, and whether labels hold them.

A backslash is an escape before `n`, a quote and a backslash, and stands for itself before anything else, as in the
pattern `"api\\.v1"`. Names and values may be UTF-8, names quoted.
Source: https://prometheus.io/docs/alerting/latest/configuration/#matcher
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from compose.pace.timing import DrillTimeError

_ONE = re.compile(
    r"""\s*(?P<name>"(?:[^"\\]|\\.)*"|[^\s{}!=~,"'`\\]+)\s*(?P<operator>=~|!~|!=|=)\s*"""
    r"""(?P<value>"(?:[^"\\]|\\.)*"|[^",]*?)\s*(?:,\s*|$)""",
    re.DOTALL,
)
_ESCAPED = re.compile(r'\\(["\\n])')


@dataclass(frozen=True, slots=True)
class Matcher:
    """One label, and what is asked of its value."""

    name: str
    operator: str
    value: str


def of_node(node: Mapping[str, Any]) -> list[Matcher]:
    """What a route asks, `match` and `match_re` included. Raises DrillTimeError for what is no matcher."""
    found = [Matcher(str(name), "=", _text(value)) for name, value in (node.get("match") or {}).items()]
    found += [Matcher(str(name), "=~", _text(value)) for name, value in (node.get("match_re") or {}).items()]
    return found + [one for text in node.get("matchers") or [] for one in parse(str(text))]


def parse(text: str) -> Iterable[Matcher]:
    """One string's matchers. Raises DrillTimeError."""
    inner = text.strip().removeprefix("{").removesuffix("}").strip()
    place = 0
    while place < len(inner):
        match = _ONE.match(inner, place)
        if match is None:
            raise DrillTimeError(f"route: matchers: {text!r}: not understood")
        yield Matcher(_plain(match["name"]), match["operator"], _plain(match["value"]))
        place = match.end()


def hold(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool | None:
    """Whether labels hold them all; None: that depends on a label that is a template, or on a pattern not understood.

    A label that is missing has the empty value.
    """
    held = [_holds(one, labels.get(one.name, "")) for one in matchers]
    return False if False in held else None if None in held else True


def _holds(matcher: Matcher, value: str) -> bool | None:
    if "{{" in value:
        return None
    if "~" not in matcher.operator:
        return (value == matcher.value) is (matcher.operator == "=")
    try:
        return (re.fullmatch(matcher.value, value) is not None) is (matcher.operator == "=~")
    except re.error:
        return None


def _plain(text: str) -> str:
    inner = text[1:-1] if len(text) > 1 and text.startswith('"') else text
    return _ESCAPED.sub(lambda match: "\n" if match[1] == "n" else match[1], inner)


def _text(value: object) -> str:
    return "" if value is None else str(value)
