"""The JSON schema of `verdict.json`, made from its values and from what is written beside them."""

import ast
import inspect
from itertools import pairwise
from typing import Any

import msgspec

from chaos.verdict import verdict


def schema() -> dict[str, Any]:
    """The schema; each field is described by the docstring below it."""
    made = msgspec.json.schema(verdict.Verdict)
    for name, definition in made["$defs"].items():
        described = _described(name)
        for field, of_field in definition.get("properties", {}).items():
            if field in described:
                of_field["description"] = described[field]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "verdict.json", **made}


def text() -> str:
    """The schema as it is committed."""
    return msgspec.json.format(msgspec.json.encode(schema()), indent=2).decode() + "\n"


def _described(name: str) -> dict[str, str]:
    """The text below each field of one of the values."""
    tree = ast.parse(inspect.getsource(getattr(verdict, name)))
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    found = {}
    for field, below in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            match below:
                case ast.Expr(value=ast.Constant(value=str(words))):
                    found[field.target.id] = " ".join(words.split())
    return found
