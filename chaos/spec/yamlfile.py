"""Reads a YAML file into a typed value; every error names the file, the line and the path within it."""

import re
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from chaos.errors import InvalidFile
from chaos.spec import values

T = TypeVar("T")


def read(file: Path, kind: type[T]) -> T:
    """Parse and validate. Raises InvalidFile."""
    text = _text(file)
    root = _tree(file, text)
    _no_duplicate_keys(file, root, "")
    try:
        return msgspec.convert(yaml.safe_load(text), kind, dec_hook=values.decode, str_keys=True)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$")
        path = place.rstrip("`").removeprefix(".")
        raise InvalidFile(file, path, _plain(reason), line_of(root, path)) from error


def located(file: Path, path: str, reason: str) -> InvalidFile:
    """The error for a value that is well-formed but wrong, with the line where it stands."""
    return InvalidFile(file, path, reason, line_of(_tree(file, _text(file)), path))


def line_of(root: yaml.Node | None, path: str) -> int | None:
    """The 1-based line of `steady_state[0].query` and the like: of the innermost part that exists."""
    node, line = root, None
    for key, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path):
        found = _child(node, key, index)
        if found is None:
            break
        node, line = found
    return line


def _child(node: yaml.Node | None, key: str, index: str) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode) and key:
        for name, value in node.value:
            if name.value == key:
                return value, name.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode) and index and int(index) < len(node.value):
        item: yaml.Node = node.value[int(index)]
        return item, item.start_mark.line + 1
    return None


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidFile(file, "", f"cannot be read: {error}") from error


def _tree(file: Path, text: str) -> yaml.Node | None:
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise InvalidFile(file, "", f"not YAML: {error.problem}", line) from error
    return node


def _no_duplicate_keys(file: Path, node: yaml.Node | None, path: str) -> None:
    # YAML forbids a key given twice; PyYAML silently keeps the last one.
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for name, value in node.value:
            here = f"{path}.{name.value}".removeprefix(".")
            if name.value in seen:
                raise InvalidFile(file, here, "given twice", name.start_mark.line + 1)
            seen.add(name.value)
            _no_duplicate_keys(file, value, here)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _no_duplicate_keys(file, item, f"{path}[{index}]")


def _plain(reason: str) -> str:
    plain: list[tuple[str, Any]] = [
        (r"Object contains unknown field `(.+)`", r"unknown key \1"),
        (r"Object missing required field `(.+)`", r"missing key \1"),
        (r"Expected `object`, got `null`", "the file is empty"),
    ]
    for pattern, replacement in plain:
        reason = re.sub(pattern, replacement, reason)
    return reason[:1].lower() + reason[1:]
