"""Rules of Prometheus as they are written, and what tells one from what it was before."""

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml
from promql_parser import parse, parse_duration

from chaos.errors import InvalidFile
from chaos.spec import promql, rule_files
from chaos.spec.values import NOTHING


class RuleText(msgspec.Struct, frozen=True):
    """One rule. Its annotations are no part of it: they hold addresses, and decide nothing."""

    name: str
    """Of the alert, or of the series that it records."""
    records: bool
    query: str
    for_seconds: float = 0.0
    keep_firing_for_seconds: float = 0.0
    labels: dict[str, str] = {}


def read(folder: Path, pattern: str = "*.rules.yml") -> list[RuleText]:
    """Every rule in the folder's files of this pattern, each of which has to be one of rules.

    Without a pattern, every rule in the folder and all below it, as people keep them: what else lies there is passed
    over, and so is what is no rule. Raises InvalidFile.
    """
    if not pattern:
        return [rule for group in rule_files.groups(folder) for rule in _readable(group)]
    found = []
    for file in sorted(folder.glob(pattern)):
        try:
            found += [_rule(rule, group) for group in rule_files.of_text(file.read_bytes()) for rule in group["rules"]]
        except (yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
            raise InvalidFile(file, "", f"not a rule file: {error}") from error
    return found


def _readable(group: Mapping[str, Any]) -> Iterator[RuleText]:
    for rule in group.get("rules") or []:
        # Of a rule of Loki, or with a template's holes in it, nothing can be said; Prometheus runs none of them.
        with contextlib.suppress(KeyError, TypeError, AttributeError, ValueError):
            parse(str(rule["expr"]))
            yield _rule(rule, group)


def digest(alert: str, rules: Iterable[RuleText]) -> str:
    """Of the rules with an alert's name and of all recording rules they read: the same as long as they mean the same.

    Empty where there is no such alert.
    """
    known = tuple(rules)
    recorded: dict[str, list[RuleText]] = {}
    for rule in known:
        if rule.records:
            recorded.setdefault(rule.name, []).append(rule)
    wanted = [rule for rule in known if not rule.records and rule.name == alert]
    found: dict[str, None] = {}
    waiting = list(wanted)
    while waiting:
        rule = waiting.pop()
        written = json.dumps(_meant(rule), sort_keys=True)
        if written not in found:
            found[written] = None
            waiting += [one for name in _reads(rule.query) for one in recorded.get(name, [])]
    return hashlib.sha256("\n".join(sorted(found)).encode()).hexdigest()[:16] if found else ""


def _reads(query: str) -> set[str]:
    return {promql.name_of(selector) for selector in promql.selectors(query)}


def _meant(rule: RuleText) -> dict[str, Any]:
    # Prometheus tells a query in a form of its own.
    return msgspec.structs.asdict(rule) | {"query": " ".join(parse(rule.query).prettify().split())}


def _rule(written: Mapping[str, Any], group: Mapping[str, Any]) -> RuleText:
    return RuleText(
        str(written.get("alert") or written["record"]),
        "record" in written,
        str(written["expr"]),
        _seconds(written.get("for")),
        _seconds(written.get("keep_firing_for")),
        _labels(group) | _labels(written),
    )


def _labels(of: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value or "") for name, value in (of.get("labels") or {}).items()}


def _seconds(written: object) -> float:
    # The parser knows no length of nothing.
    if not written or NOTHING.fullmatch(str(written)):
        return 0.0
    return float(parse_duration(str(written)).total_seconds())
