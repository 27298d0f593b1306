"""Rule files as people keep them: which documents hold groups of rules, and every value as the text that was written.

Prometheus reads a label's value as the text in the file: `page: yes` is "yes", `version: 1.10` is "1.10".
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

_SUFFIXES = frozenset({".yml", ".yaml", ".rules", ".rule"})
_OF_RULES = frozenset({"PrometheusRule", "VMRule"})
_KEPT_TYPES = frozenset({"tag:yaml.org,2002:null", "tag:yaml.org,2002:merge"})


class _Text(yaml.SafeLoader):
    """Takes every value but nothing at all for text."""


_Text.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if tag in _KEPT_TYPES]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def of_text(text: str | bytes) -> list[dict[str, Any]]:
    """The groups of one rule file. Raises YAMLError, KeyError and TypeError for what is none."""
    groups: list[dict[str, Any]] = yaml.load(text, Loader=_Text)["groups"]  # noqa: S506  # a safe loader's child
    return groups


def groups(place: Path) -> Iterator[Mapping[str, Any]]:
    """Every group of rules in a file, or in a folder and all below it: of rule files and manifests, in any document."""
    for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
        below = file.relative_to(place) if place.is_dir() else Path(file.name)
        # A mounted ConfigMap has its files a second time, in a folder that is hidden.
        if file.is_file() and file.suffix in _SUFFIXES and not any(part.startswith(".") for part in below.parts):
            yield from _of_documents(file.read_bytes())


def _of_documents(text: str | bytes) -> Iterator[Mapping[str, Any]]:
    try:
        documents = list(yaml.load_all(text, Loader=_Text))
    except (yaml.YAMLError, ValueError, RecursionError):
        return
    for document in documents:
        yield from _of_document(document)


def _of_document(document: Any) -> Iterator[Mapping[str, Any]]:
    match document:
        case {"kind": "List", "items": [*items]}:
            for item in items:
                yield from _of_document(item)
        case {"kind": "ConfigMap", "data": dict(files)}:
            for text in files.values():
                yield from _of_documents(str(text))
        case {"kind": kind, "spec": {"groups": [*groups]}} if kind in _OF_RULES:
            yield from (group for group in groups if isinstance(group, dict))
        case {"groups": [*groups]} if not document.keys() & {"kind", "tests", "rule_files"}:
            yield from (group for group in groups if isinstance(group, dict))
