"""Rule files as people keep them: which of a file's documents hold rules, and every value as the text that was written.

Prometheus reads a label's value as the text in the file (`page: yes` is "yes", `version: 1.10` is "1.10"), which a
parser that goes by types does not. So all values are text here; those that YAML would take for another type are
`Written`, and are written out again as they stood.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import yaml

SUFFIXES = frozenset({".yml", ".yaml", ".rules", ".rule"})
"""How the names of rule files end."""
_OF_RULES = frozenset({"PrometheusRule", "VMRule"})
_BY_TYPE = yaml.resolver.Resolver()
_TEXT = "tag:yaml.org,2002:str"
_KEPT_TYPES = frozenset({"tag:yaml.org,2002:null", "tag:yaml.org,2002:merge"})


class Written(str):
    """A value that YAML would take for a number, a truth or a date, as it was written."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class RuleDocument:
    """One document with groups of rules."""

    source: str
    """Where it stands, for messages."""
    groups: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A document, or a whole file, in which there are no rules to run."""

    source: str
    reason: str


class Loader(yaml.SafeLoader):
    """Reads every value but nothing at all as text; refuses a key that stands twice, as Prometheus does."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """As the safe loader's. Raises ConstructorError for a key that stands twice."""
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
        if twice := next((key for key in keys if keys.count(key) > 1), None):
            raise yaml.constructor.ConstructorError(None, None, f"the key {twice!r} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


def _written(loader: Loader, node: yaml.ScalarNode) -> str:
    text = str(loader.construct_scalar(node))
    return Written(text) if node.style is None and _tag(text) != _TEXT else text


def _tag(text: str) -> str:
    return str(_BY_TYPE.resolve(yaml.ScalarNode, text, (True, False)))  # type: ignore[no-untyped-call]


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if tag in _KEPT_TYPES]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_constructor(_TEXT, _written)


class Dumper(yaml.SafeDumper):
    """Writes expressions of several lines as such, so that a generated file can be read beside its original."""

    def ignore_aliases(self, data: Any) -> bool:
        """What was an alias is written out."""
        return True


def _text(dumper: Dumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar(_TEXT, text, style="|" if "\n" in text else None)


def _as_written(dumper: Dumper, text: Written) -> yaml.ScalarNode:
    return dumper.represent_scalar(_tag(text), str(text))


Dumper.add_representer(str, _text)
Dumper.add_representer(Written, _as_written)


def dump(document: dict[str, Any]) -> str:
    """As YAML, in the order it has."""
    return yaml.dump(document, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=200)


def documents(source: str, text: str | bytes) -> Iterator[RuleDocument | PassedOver]:
    """What a file holds, `source` being its name in messages; what has no rules with the reason."""
    try:
        read = list(yaml.load_all(text, Loader=Loader))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        yield PassedOver(source, f"not readable as YAML: {' '.join(str(error).split())}")
        return
    if not any(read):
        yield PassedOver(source, "empty")
    for number, document in enumerate(read):
        if document:
            yield from _of_document(source if len(read) == 1 else f"{source} (document {number + 1})", document)


def _of_document(source: str, document: Any) -> Iterator[RuleDocument | PassedOver]:
    match document:
        case {"kind": "List", "items": [*items]}:
            for number, item in enumerate(items):
                yield from _of_document(f"{source} (item {number + 1})", item)
        case {"kind": "ConfigMap", "data": dict(files)}:
            for name, text in files.items():
                yield from documents(f"{source} ({name})", str(text))
        case {"kind": kind} if kind in _OF_RULES:
            yield _of_groups(source, document.get("spec"))
        case {"kind": kind}:
            yield PassedOver(source, f"a manifest of kind {kind}, which has no rules")
        case {"tests": _} | {"rule_files": _}:
            yield PassedOver(source, "tests of rules, or a configuration, and no rules")
        case {"groups": _}:
            yield _of_groups(source, document)
        case _:
            yield PassedOver(source, "no rules in it: it has no `groups`")


def _of_groups(source: str, body: Any) -> RuleDocument | PassedOver:
    groups = body.get("groups") if isinstance(body, dict) else None
    if not groups:
        return PassedOver(source, "no groups of rules in it")
    if not isinstance(groups, list):
        return PassedOver(source, "not a rule file: groups: not a list")
    for number, group in enumerate(groups):
        if not isinstance(group, dict) or not isinstance(group.get("name"), str):
            return PassedOver(source, f"not a rule file: groups[{number}]: no mapping with a name")
        rules = group.get("rules") or []
        if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
            return PassedOver(source, f"not a rule file: groups[{number}].rules: not a list of mappings")
        if not isinstance(group.get("labels") or {}, dict):
            return PassedOver(source, f"not a rule file: groups[{number}].labels: not a mapping")
    return RuleDocument(source, groups)


def copy_name(place: PurePath, number: int = 1) -> str:
    """The name of the drill's copy in one folder, for Prometheus's `*.yml`: `team.app.rules.yml` of `team/app.rules`.

    `number`: which of the documents it is; groups of two may have one name, which Prometheus takes once in a file.
    """
    parts = place.with_suffix("").parts if place.suffix in {".yml", ".yaml"} else place.parts
    return ".".join(parts) + (f"-{number}" if number > 1 else "") + ".yml"
